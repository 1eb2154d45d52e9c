# MLflow, of the version that is tested, in an image of its own.
FROM python:3.12-slim
COPY constraints.txt .
RUN pip install --no-cache-dir -c constraints.txt mlflow \
 && useradd --create-home mlflow && mkdir -p /var/lib/mlflow && chown mlflow /var/lib/mlflow
# It tells nobody that it is used, and runs no jobs of its own.
ENV MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
USER mlflow
WORKDIR /var/lib/mlflow
# The names by which it may be asked: by workers as `mlflow`, by a browser of this machine.
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", "--backend-store-uri", "sqlite:////var/lib/mlflow/mlflow.db", "--artifacts-destination", "/var/lib/mlflow/artifacts", "--allowed-hosts", "mlflow:5000,localhost:*,127.0.0.1:*"]
