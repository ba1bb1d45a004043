#!/usr/bin/env bash
# Runs LangChain's standard suites, their equivalent for LlamaIndex, and our own tests of both shims, at the newest and at
# the oldest supported release of the frameworks, over a wheel in fresh environments. Skips are listed with their reasons.
#
#   scripts/suites.sh WHEEL [newest] [oldest]
#
# PYTHON makes the environments, in FOLDER (.suites); they are kept, and made anew when their requirements change.
set -euo pipefail
cd "$(dirname "$0")/.."

wheel=$1
shift
[ $# -gt 0 ] || set -- newest oldest
folder=${FOLDER:-.suites}
tests=(tests/python/test_langchain.py tests/python/test_langchain_standard.py
  tests/python/test_llamaindex.py tests/python/test_llamaindex_standard.py)

for which in "$@"; do
  wanted=tests/suites/$which.txt
  python=$folder/$which/bin/python
  if ! cmp -s "$wanted" "$folder/$which/made-of.txt"; then
    rm -rf "${folder:?}/$which"
    "${PYTHON:-python3}" -m venv "$folder/$which"
    "$python" -m pip install --quiet -r "$wanted"
    cp "$wanted" "$folder/$which/made-of.txt"
  fi
  "$python" -m pip install --quiet --no-index --no-deps --force-reinstall "$wheel"
  versions=$("$python" - <<'ASK'
import sys
from importlib.metadata import version

names = ("langchain-core", "langchain", "langchain-tests", "llama-index-core")
print(f"Python {sys.version.partition(' ')[0]},", ", ".join(f"{name} {version(name)}" for name in names))
ASK
  )
  echo "suites, $which: $versions"
  # What is tested is the installed wheel: `python/` is not on the path.
  "$python" -m pytest -q -rs -n "${WORKERS:-2}" -p no:cacheprovider "${tests[@]}"
done
