# The command without torch. How to build and run it, and how large it is: docs/installation.md.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE model_card.md ./
COPY hf_bigru_asr hf_bigru_asr
# It compiles the library, or fails.
RUN HF_BIGRU_ASR_NATIVE=1 pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
COPY requirements-runtime.txt /tmp/
COPY --from=build /wheels /tmp/wheels
# Everything is compiled here: a root file system that is read-only takes no caches later.
RUN pip install --no-cache-dir --requirement /tmp/requirements-runtime.txt \
    && pip install --no-cache-dir --no-deps /tmp/wheels/*.whl \
    && rm -r /tmp/wheels /tmp/requirements-runtime.txt
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
USER 10001:10001
ENTRYPOINT ["hf-bigru-asr"]
CMD ["--help"]
