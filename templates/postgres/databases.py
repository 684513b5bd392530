"""Makes the databases that its arguments name, unless they are there.

Where, as whom and by which password is said by libpq's own variables (``PGHOST`` and so on).
"""

import sys

import psycopg2
from psycopg2 import sql

connection = psycopg2.connect(dbname="postgres")
connection.autocommit = True
with connection.cursor() as cursor:
    for name in sys.argv[1:]:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
