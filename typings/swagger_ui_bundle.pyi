"""The part of swagger-ui-bundle-v2 that Signoff uses. The library has no types of its own."""

from pathlib import Path

swagger_ui_path: Path
