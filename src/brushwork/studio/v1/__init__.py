"""API v1: everything the page does, for programs; described at /api/v1/openapi.json."""
