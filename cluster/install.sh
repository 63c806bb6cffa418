#!/usr/bin/env bash
# Make .venv and install z1ray into it: bash cluster/install.sh cpu|gpu
# What is done is skipped; a changed lock or pyproject is noticed.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:-cpu}
python=${PYTHON:-python3}
venv=.venv
stamp=$venv/.z1ray-$profile
torch_index=https://download.pytorch.org/whl/cpu

fail() { printf 'install: %s\n' "$@" >&2; exit 2; }
step() { printf '== %s\n' "$*"; }
pip_install() { "$venv/bin/pip" install --disable-pip-version-check --progress-bar off "$@"; }
# A line per 25 packages instead of pip's hundreds.
counted() {
  awk -v total="$(grep -vc '^#' requirements-cpu.lock)" '
    /^Collecting/ && ++n % 25 == 0 { printf "   fetched %d of %d packages\n", n, total; fflush() }
    /^Installing collected/ { print "   installing them"; fflush() }'
}

[[ $profile == cpu || $profile == gpu ]] || fail "unknown profile '$profile'" "use cpu or gpu"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail "$("$python" --version 2>&1) is too old or missing" "install Python 3.11 or newer, or name one: PYTHON=python3.12 make setup"

# Debian packages, where this may install them.
apt_install() {
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return 1
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

sandbox() {
  command -v bwrap >/dev/null && return
  step "installing bubblewrap, the sandbox for generated code"
  apt_install bubblewrap && return
  printf '%s\n' "!! bubblewrap is missing and could not be installed here." \
    "!! Generated code will run in a limited subprocess that can read your files." \
    "!! To fix it: sudo apt-get install bubblewrap" >&2
}

browser() {
  command -v chromium >/dev/null && command -v chromedriver >/dev/null && return
  step "installing chromium, which the playground's tests drive"
  apt_install chromium chromium-driver && return
  printf '%s\n' "!! chromium and chromedriver are missing and could not be installed here." \
    "!! The endpoint's playground works without them; its tests will fail." \
    "!! To fix it: sudo apt-get install chromium chromium-driver" >&2
}

install_cpu() {
  step "1/4 torch (CPU build)"
  pip_install -q "torch==2.13.0+cpu" 2>/dev/null || pip_install -q --index-url "$torch_index" "torch==2.13.0+cpu"
  step "2/4 locked packages: vLLM, Ray, DeepSpeed and what they need (some minutes)"
  # --no-deps: the lock is complete, and vLLM's own list would pull CUDA builds of packages z1ray never uses.
  pip_install --no-deps -r requirements-cpu.lock | counted
  step "3/4 z1ray itself"
  pip_install -q --no-deps -e .
  step "4/4 checking that the parts load"
  "$venv/bin/python" -c 'import ray, torch, vllm, deepspeed, z1ray' >/dev/null 2>&1 ||
    fail "the installed packages do not load" "see: $venv/bin/python -c 'import ray, torch, vllm, deepspeed'"
}

install_gpu() {
  step "1/1 z1ray with Ray, vLLM and DeepSpeed for CUDA (some minutes)"
  pip_install -q -e ".[gpu]"
}

sandbox
[[ $profile == gpu ]] || browser
want=$(cat pyproject.toml requirements-cpu.lock | sha256sum | cut -d' ' -f1)
if [[ -f $stamp && $(<"$stamp") == "$want" ]]; then
  step "$venv is up to date"
  exit 0
fi
started=$SECONDS
[[ -x $venv/bin/python ]] || { step "making $venv with $("$python" --version)"; "$python" -m venv "$venv"; }
"install_$profile"
echo "$want" >"$stamp"
step "installed in $((SECONDS - started)) s"
