# Brings a database file to the tables that this MLflow expects. Where there is none yet, the server
# makes it by itself, and MLflow need not be loaded once more before it.
test ! -e "$1" || exec mlflow db upgrade "sqlite:///$1"
