# brushwork-lite: docker build -f docker/lite.Dockerfile -t brushwork-lite .
FROM python:3.13-slim AS build
COPY . /source
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir /source/lite && /venv/bin/pip uninstall -y pip

FROM python:3.13-slim
COPY --from=build /venv /venv
RUN useradd --create-home painter
USER painter
WORKDIR /work
ENTRYPOINT ["/venv/bin/brushwork-lite"]
