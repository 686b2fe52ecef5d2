"""Accounts: what a user may do and has used; what admins see and do."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query

from brushwork.studio.api import User
from brushwork.studio.audit import moment_of
from brushwork.studio.records import Job
from brushwork.studio.service import Service
from brushwork.studio.v1.models import AccountFacts, OwnedJobFacts, Page, job_facts

__all__ = ["accounts_router"]

Since = Annotated[str, Query(max_length=40, description="a date such as 2026-11-30, or 24h or 7d ago")]


def accounts_router(service: Service) -> APIRouter:
    """The routes of accounts and of admins."""
    router = APIRouter(tags=["accounts"])

    @router.get("/account", summary="Get your role, your quotas and what you have used")
    def account(user: User) -> AccountFacts:
        limits = service.quota.of(user)
        return AccountFacts(
            name=user, role=service.users.account(user).role, storage=round(limits.storage_gb * 1e9),
            storage_used=service.quota.used(user), jobs=limits.jobs, jobs_used=service.database.active_jobs(user),
        )  # fmt: skip

    @router.get("/admin/jobs", summary="List the running and waiting jobs of all users, in their order (admins)")
    def queue(user: User) -> Page[OwnedJobFacts]:
        return Page(items=[_owned(job) for job in service.queue(user)], next=None)

    @router.post("/admin/jobs/{identity}/cancel", summary="Cancel a job of any user (admins)")
    def cancel(user: User, identity: str) -> OwnedJobFacts:
        return _owned(service.cancel_any(user, identity))

    @router.get("/admin/audit", summary="Read the audit log, the oldest line first (admins)")
    def audit(
        user: User, since: Since = "24h", most: Annotated[int, Query(alias="limit", ge=1, le=10_000)] = 1000
    ) -> list[dict[str, Any]]:
        service.users.check_admin(user)
        found = list(islice(service.audit.lines(moment_of(since)), most))
        service.audit.add(user, "read audit log", since=since)
        return found

    return router


def _owned(job: Job) -> OwnedJobFacts:
    return OwnedJobFacts(**job_facts(job, request=False).model_dump(), user=job.user)
