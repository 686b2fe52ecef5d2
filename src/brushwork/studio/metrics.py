"""The studio's Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["JOBS", "PREVIEW_SECONDS", "REQUESTS", "REQUEST_SECONDS", "SUBMITTED", "WAITING", "WORKERS"]

REQUESTS = Counter("brushwork_requests", "Requests by route and status", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("brushwork_request_seconds", "Request duration in seconds", ["route"])
PREVIEW_SECONDS = Histogram(
    "brushwork_preview_seconds",
    "Preview duration in seconds, waiting included",
    buckets=(0.1, 0.2, 0.4, 0.7, 1, 2, 5, 10),
)
SUBMITTED = Counter("brushwork_jobs_submitted", "Submitted jobs by kind", ["kind"])
JOBS = Gauge("brushwork_jobs", "Stored jobs by status", ["status"])
WAITING = Gauge("brushwork_requests_waiting", "Requests waiting for a worker", ["worker"])
WORKERS = Gauge("brushwork_workers_alive", "Running workers; of checks and previews, whether there is one", ["worker"])
