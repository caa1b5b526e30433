"""The server."""

from __future__ import annotations

import click

from lianfang.cli.common import opened


@click.command()
@click.option("--host", default=None, help="Address to listen on. 监听地址。")
@click.option("--port", type=int, default=None, help="Port to listen on. 端口。")
@click.option("--home", default=None, help="Folder of the installation. 安装目录。")
def serve(host: str | None, port: int | None, home: str | None) -> None:
    """Serve the pages and the API. 启动网页服务。"""
    import uvicorn

    from lianfang.api.app import create_app
    from lianfang.api.serving import config

    with opened(home) as inst:
        # a key file that is open to others, or a root that cannot be had, stops the start and not a request
        _ = inst.keyring, inst.signer
        at, on = host or inst.settings.host, port or inst.settings.port
        click.echo(f"Lianfang 联防: http://{'localhost' if at == '127.0.0.1' else at}:{on}")
        uvicorn.Server(config(create_app(inst), at, on)).run()
