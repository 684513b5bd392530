# `sh prepare.sh SERVER FOLDER`: makes PostgreSQL's data in FOLDER once, and the role at each start.
# Its own single-user mode does so, before anybody can connect, so no connection is ever trusted.
set -eu
server=$(readlink -f "$1")
data=$2/main
if [ ! -d "$data" ]; then
  rm -rf "$2/new" # of a start that was cut off
  "${server%/*}/initdb" --pgdata="$2/new" --username=postgres --auth=reject --encoding=UTF8 \
    --no-locale --no-instructions
  mv "$2/new" "$data"
fi
"$server" --single -D "$data" -c password_encryption=scram-sha-256 -c log_min_messages=error \
  postgres < role.sql > /dev/null
