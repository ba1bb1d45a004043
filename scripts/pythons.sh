#!/usr/bin/env bash
# Installs a wheel into fresh environments of every supported Python that is on this machine, and runs the tests that need
# nothing but pytest. A Python that is absent is said and left out: pyenv's and uv's are found where they keep them.
#
#   scripts/pythons.sh WHEEL [VERSION…]
#
# UV=1 lets uv fetch the Pythons that are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

wheel=$1
shift
[ $# -gt 0 ] || set -- 3.10 3.11 3.12 3.13 3.14
folder=${FOLDER:-.suites}
tests=(tests/python/test_api_surface.py tests/python/test_answers.py tests/python/test_failover.py
  tests/python/test_faults_streams.py)

# runs PYTHON VERSION: whether it starts, and is what it is called.
runs() {
  [ "$("$1" -c 'import sys, venv; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$2" ]
}

# found VERSION: the path of such a Python.
found() {
  local at
  for at in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
    at=$(command -v "$at") && runs "$at" "$1" && echo "$at" && return
  done
  command -v uv >/dev/null || return 1
  [ -z "${UV:-}" ] || uv python install --quiet "$1" || true
  at=$(uv python find --quiet --managed-python "$1" 2>/dev/null) && runs "$at" "$1" && echo "$at"
}

for version in "$@"; do
  if ! python=$(found "$version"); then
    echo "pythons: $version is not on this machine, left out"
    continue
  fi
  rm -rf "${folder:?}/python$version"
  "$python" -m venv "$folder/python$version"
  fresh=$folder/python$version/bin/python
  # The package needs nothing beside it: first alone, then with what the tests need.
  "$fresh" -m pip install --quiet --no-index --no-deps "$wheel"
  "$fresh" -c 'from waypost import Router; print("pythons:", Router(["ollama/llama3.3"]).route("Hello").chosen)' >/dev/null
  "$fresh" -m pip install --quiet 'pytest>=8.4' 'pytest-asyncio>=1.0' 'pytest-xdist>=3.6'
  echo "pythons: $("$fresh" --version)"
  "$fresh" -m pytest -q -n "${WORKERS:-2}" -p no:cacheprovider "${tests[@]}"
done
