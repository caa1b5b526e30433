#!/usr/bin/env bash
# Every linter, each to its end; fails when one did.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=${VENV:-.venv}/bin
code=()
for folder in src tests benchmarks scripts; do [ -d "$folder" ] && code+=("$folder"); done

failed=()
check() { # check NAME COMMAND...
  local name=$1
  shift
  local said
  if said=$("$@" 2>&1); then
    echo "check: $name holds"
  else
    failed+=("$name")
    printf '%s\n' "$said" | grep -v "nosec encountered"
  fi
}
check "ruff" "$bin/ruff" check --quiet "${code[@]}"
check "format" "$bin/ruff" format --check --quiet "${code[@]}"
check "types" "$bin/mypy" --no-error-summary
check "floors" "$bin/lint-imports" --no-cache
check "bandit" "$bin/bandit" --quiet --configfile pyproject.toml --recursive src
check "locks" "$bin/python" scripts/sbom.py --check
check "reference" "$bin/python" scripts/gen_reference.py --check

if [ ${#failed[@]} -gt 0 ]; then
  echo "check: failed: ${failed[*]}" >&2
  exit 1
fi
