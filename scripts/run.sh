#!/usr/bin/env bash
# `make run`: the demonstration, served in the browser, or with SERVE=0 as a transcript.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${VENV:-.venv}/bin
has() { "$bin/python" -c 'import sys; from lianfang.cli import COMMANDS; sys.exit(sys.argv[1] not in COMMANDS)' "$1"; }

if has demo; then
  exec "$bin/lianfang" demo
elif has replay; then
  echo "The demonstration is not in this revision yet; this is the replay of China's counts of 2020."
  exec "$bin/lianfang" replay china-2020
fi
echo "Neither the demonstration nor the replay is in this revision yet. What is there:"
exec "$bin/lianfang" --help
