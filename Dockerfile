# The worker and the API in one image, without torch. The model folder is not in it: mount it at /model.
#
#     docker build -t penchant .
#     docker run --rm -v "$PWD/.cache/models/default:/model:ro" -e PENCHANT_BOOTSTRAP=… -e PENCHANT_REDIS=… penchant worker

# Images by exact version, not by digest: what is mended in the system's packages comes with the next build. Who wants
# the same bytes each time names them: --build-context python:3.12.12-bookworm=docker-image://python@sha256:…, likewise
# for the slim one. Packages are those of constraints.txt, which were tested together.
FROM python:3.12.12-bookworm AS build
WORKDIR /src
RUN python -m venv /venv
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY penchant penchant
COPY serving serving
COPY stream stream
COPY evaluation evaluation
COPY deploy deploy
COPY export export
# What makes the wheel is pinned, too, and stays in this stage: pip would take the newest to a place of its own.
RUN pip install --no-cache-dir -c constraints.txt hatchling==1.33.0 tomlkit==0.15.2 trove-classifiers==2026.9.21.13 \
    && pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel . \
    && for wheel in /wheel/*.whl; do /venv/bin/pip install --no-cache-dir -c constraints.txt "${wheel}[worker,api,cpu]"; done

FROM python:3.12.12-slim-bookworm
RUN groupadd --system --gid 10001 penchant && useradd --system --uid 10001 --gid 10001 --no-create-home penchant
COPY --from=build /venv /venv
RUN install --directory --owner=10001 --group=10001 /var/cache/penchant
ENV PATH="/venv/bin:$PATH" \
    NUMBA_CACHE_DIR=/var/cache/penchant \
    PYTHONUNBUFFERED=1 \
    PENCHANT_MODEL=/model \
    PENCHANT_HEALTH_HOST=0.0.0.0 \
    PENCHANT_HEALTH_PORT=9100 \
    PENCHANT_API_HOST=0.0.0.0 \
    PENCHANT_API_PORT=8080
USER 10001:10001
WORKDIR /tmp
# What lists take is compiled here once, for processors like this one; on another kind a worker does it when it starts.
RUN python -c 'from serving.ranking.warm_up import warm_up; warm_up()'
STOPSIGNAL SIGTERM
ENTRYPOINT ["penchant"]
CMD ["worker"]
