#!/bin/sh
# Makes .cache/mlflow: MLflow in an environment of its own, of the versions that are tested. PYTHON chooses the interpreter.
# Run again, it does nothing; an installation that was interrupted begins anew.
set -eu

cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
HOME_OF_MLFLOW=.cache/mlflow

wanted=$(sed -n '/^mlflow==/p' constraints.txt)
[ "$(cat "$HOME_OF_MLFLOW/.installed" 2>/dev/null)" = "$wanted" ] && exit 0

echo "Installing $wanted in $HOME_OF_MLFLOW (a minute or two)"
rm -rf "$HOME_OF_MLFLOW"
"$PYTHON" -m venv "$HOME_OF_MLFLOW"
"$HOME_OF_MLFLOW/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "$wanted"
echo "$wanted" >"$HOME_OF_MLFLOW/.installed"
