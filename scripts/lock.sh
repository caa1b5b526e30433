#!/usr/bin/env bash
# Writes the hash locks of requirements/ from pyproject.toml. The files name no index and no host.
#   build.lock    what builds a package from source (ours, and the few that ship no wheel)
#   runtime.lock  what `make run` installs
#   dev.lock      every extra but reads and every group: what the tests, the checks and the manual need
#   reads.lock    the extra reads, which ships source only: where there is a C compiler, it is installed as well
# Versions already locked stay unless UPGRADE=1 (all) or UPGRADE=name (one) asks for newer ones.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

options=(--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet)
case ${UPGRADE:-} in
  "") ;;
  1 | all) options+=(--upgrade) ;;
  *) options+=(--upgrade-package "$UPGRADE") ;;
esac

compile() { # compile OUTPUT ARGUMENT...
  local output=requirements/$1
  shift
  "$python" -m uv pip compile "${options[@]}" "$@" --output-file "$output" >/dev/null
  if grep -nE '(https?|ssh|git)[:+]//|^(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)' "$output"; then
    echo "lock: $output names a host or an index" >&2
    exit 1
  fi
  echo "lock: $output, $(grep -cE '^[a-zA-Z0-9]' "$output") packages"
}

mkdir -p requirements
compile build.lock requirements/build.in
compile dev.lock pyproject.toml requirements/build.in \
  --extra hsm --extra kms --extra ner --extra postgres --extra spark --group test --group check --group docs
compile reads.lock requirements/reads.in --constraint requirements/dev.lock
# The runtime's versions are those that the tests ran with.
compile runtime.lock pyproject.toml requirements/build.in --constraint requirements/dev.lock
