"""What the studio counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["JOBS", "PREVIEW_SECONDS", "REQUESTS", "REQUEST_SECONDS", "SUBMITTED", "WAITING", "WORKERS"]

REQUESTS = Counter(
    "brushwork_requests", "Requests by their route's first part and status", ["method", "route", "status"]
)
REQUEST_SECONDS = Histogram("brushwork_request_seconds", "Seconds until a request was answered", ["route"])
PREVIEW_SECONDS = Histogram(
    "brushwork_preview_seconds", "Seconds for a preview, waiting included", buckets=(0.1, 0.2, 0.4, 0.7, 1, 2, 5, 10)
)
SUBMITTED = Counter("brushwork_jobs_submitted", "Jobs by kind", ["kind"])
JOBS = Gauge("brushwork_jobs", "Jobs that there are, by state", ["status"])
WAITING = Gauge("brushwork_requests_waiting", "Requests that wait for a worker", ["worker"])
WORKERS = Gauge("brushwork_workers_alive", "Whether a worker runs", ["worker"])
