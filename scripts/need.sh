# Sourced by the other scripts.

# need COMMAND PACKAGE: makes sure that there is such a command, as far as Debian's packages can, or ends with what to do.
need() {
  command -v "$1" >/dev/null 2>&1 && return 0
  if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    { apt-get update -q && apt-get install -y -q "$2"; } >&2 && return 0
  fi
  echo "error: $1 is missing; install it (Debian: apt-get install $2)" >&2
  exit 1
}

# Whether PostgreSQL's server is there, whose own programs are not on the path.
server_of_postgres() { { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1; }
