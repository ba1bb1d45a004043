#!/usr/bin/env bash
# Runs every notebook from its first cell to its last with the given Python, and fails where a cell does.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${1:-python3}
shopt -s nullglob
notebooks=(notebooks/*.ipynb)
if [ ${#notebooks[@]} -eq 0 ]; then
  echo "no notebooks"
  exit 0
fi
code=0
# Not the package's own pytest settings: a warning inside the notebook's machinery is not ours to fail on.
"$python" -m pytest -q -c /dev/null --rootdir=. -p no:cacheprovider -p no:asyncio \
  --nbmake --nbmake-timeout=300 "${notebooks[@]}" || code=$?
# pytest says 5 where there was nothing to run.
[ "$code" -eq 5 ] || exit "$code"
