#!/usr/bin/env bash
# Makes the virtual environment from a hash lock: environment.sh runtime|dev
# Does nothing when the environment already agrees with the locks, so that a second start is quick.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?runtime or dev}
venv=${VENV:-.venv}
locks=(requirements/build.lock "requirements/$kind.lock")
if [ "$kind" = dev ]; then locks+=(requirements/reads.lock); fi

fingerprint() { cat "${locks[@]}" pyproject.toml scripts/environment.sh | cksum; }

stamp=$venv/.installed-$kind
wanted="$(fingerprint) $PWD"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
if [ ! -x "$venv/bin/python" ] || ! new_enough "$venv/bin/python"; then
  chosen=
  for candidate in "${PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14; do
    if command -v "$candidate" >/dev/null && new_enough "$candidate"; then
      chosen=$candidate
      break
    fi
  done
  if [ -z "$chosen" ]; then
    found=$(python3 --version 2>/dev/null || echo "no python3")
    echo "Lianfang needs Python 3.11 or newer; found: $found." >&2
    echo "Install it, or name it: make run PYTHON=/path/to/python3.11" >&2
    exit 1
  fi
  echo "Making the environment $venv with $("$chosen" --version)"
  if ! said=$("$chosen" -m venv --clear "$venv" 2>&1); then
    echo "$said" >&2
    echo "$chosen cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 1
  fi
fi

pip() {
  # -I: whatever PYTHONPATH or the user's site-packages hold does not count as installed
  "$venv/bin/python" -I -m pip --disable-pip-version-check --no-input "$@"
}
install=(install -qq --require-hashes --no-build-isolation --no-warn-script-location)

echo "Installing $(grep -cE '^[a-zA-Z0-9]' "requirements/$kind.lock") locked packages (once; a few minutes at most)"
pip "${install[@]}" -r requirements/build.lock
pip "${install[@]}" -r "requirements/$kind.lock"
pip install -qq --no-build-isolation --no-deps --editable .
if [ "$kind" = dev ]; then
  # Short reads are mapped by a library that is built from source: without a compiler all else goes on without it.
  if ! said=$(pip "${install[@]}" -r requirements/reads.lock 2>&1); then
    echo "The extra reads (FASTQ) could not be built here; its tests say so. It needs a C compiler and zlib's headers."
  fi
  echo "$(locks=(requirements/build.lock requirements/runtime.lock) && fingerprint) $PWD" >"$venv/.installed-runtime"
fi
echo "$wanted" >"$stamp"
