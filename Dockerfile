# The studio for a team: docs/team.md. CPU only; for GPUs, build with --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128
FROM python:3.12-slim AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
RUN python -m venv /opt/brushwork \
 && /opt/brushwork/bin/pip install --no-cache-dir -c constraints.txt --index-url "$TORCH_INDEX" torch \
 && /opt/brushwork/bin/pip install --no-cache-dir -c constraints.txt ".[studio]" \
 && /opt/brushwork/bin/pip uninstall --yes pip

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 studio && install -d -o studio -g studio -m 700 /data
COPY --from=build /opt/brushwork /opt/brushwork
ENV PATH=/opt/brushwork/bin:$PATH BRUSHWORK_HOME=/data PYTHONUNBUFFERED=1
USER studio
VOLUME /data
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/ready', timeout=8)"]
ENTRYPOINT ["brushwork", "studio"]
CMD ["--host", "0.0.0.0", "--no-browser"]
