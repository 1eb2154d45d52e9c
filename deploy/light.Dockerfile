# api, beat and migrate: no torch.
FROM python:3.12-slim
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY mainspring mainspring
COPY workers workers
COPY api api
COPY migrations migrations
RUN pip install --no-cache-dir -c constraints.txt '.[otel]' \
 && useradd --create-home mainspring && mkdir -p /var/lib/mainspring && chown mainspring /var/lib/mainspring
USER mainspring
CMD ["uvicorn", "--factory", "api.app:create", "--host", "0.0.0.0"]
