from collections.abc import Mapping

class BaseApp:
    server_metadata: dict[str, object]
    def __init__(
        self,
        framework: None,
        *,
        client_id: str,
        client_secret: str | None,
        server_metadata_url: str,
        client_kwargs: Mapping[str, object],
    ) -> None: ...
