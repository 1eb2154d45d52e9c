# api, beat, migrate, and with EXTRAS=[otel,flower] Flower: no torch.
FROM python:3.12-slim
ARG EXTRAS="[otel]"
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY mainspring mainspring
COPY workers workers
COPY api api
COPY migrations migrations
RUN pip install --no-cache-dir -c constraints.txt ".$EXTRAS" \
 && useradd --create-home mainspring && mkdir -p /var/lib/mainspring /var/lib/scrape && chown mainspring /var/lib/mainspring /var/lib/scrape
USER mainspring
CMD ["uvicorn", "--factory", "api.app:create", "--host", "0.0.0.0"]
