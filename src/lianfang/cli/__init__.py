"""The command line. Groups load lazily: ``lianfang --help`` imports click and nothing heavier."""

from __future__ import annotations

import importlib
import sys
from typing import Any, cast

import click

# command name -> "module:attribute", one line of help (English, Chinese)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("lianfang.cli.demo:demo", "The five minutes on a fictional city. 五分钟演示。"),
    "init": ("lianfang.cli.loop:init", "Make an installation. 新建安装。"),
    "serve": ("lianfang.cli.serve:serve", "Serve the pages and the API. 启动网页服务。"),
    "doctor": ("lianfang.cli.doctor:doctor", "Does the installation stand? 检查安装。"),
    "account": ("lianfang.cli.account:account", "Accounts, roles, terminals. 账户、角色、登记终端。"),
    "import": ("lianfang.cli.importing:import_", "Delivered files into the house. 导入数据文件。"),
    "daily": ("lianfang.cli.loop:daily", "Run the daily cycle. 每日流程。"),
    "today": ("lianfang.cli.loop:today", "What to judge, what is needed. 今日预警与待办。"),
    "event": ("lianfang.cli.loop:event", "Open, list, dismiss, change level. 事件。"),
    "order": ("lianfang.cli.order:order", "Orders to holders. 调取令。"),
    "act": ("lianfang.cli.loop:act", "Lock, approve, name contacts. 锁定、审批、交办。"),
    "publish": ("lianfang.cli.loop:publish", "Sign, log and publish a bulletin. 发布通报。"),
    "verify": ("lianfang.cli.loop:verify", "Verify a bulletin's file offline. 离线核验。"),
    "close": ("lianfang.cli.loop:close", "Close an event and end its data. 终止事件。"),
    "backup": ("lianfang.cli.backup:backup", "Encrypted backups, restores, drills. 备份、恢复、演练。"),
    "exchange": ("lianfang.cli.exchange:exchange", "Messages between authorities. 机关间信息交换。"),
    "paper": ("lianfang.cli.paper:paper", "Paper forms under custody. 纸质表的发放、回收、监销。"),
    "genomes": ("lianfang.cli.genomes:genomes", "Genomes of an event's samples. 事件样本的基因组。"),
    "gifts": ("lianfang.cli.gifts:gifts", "Gifts from donor to ward. 捐赠物资：从捐赠人到科室。"),
    "job": ("lianfang.cli.job:job", "Long work: list, cancel, run. 任务。"),
    "holder": ("lianfang.cli.holder:holder", "A holder's node: data stay at home. 数据持有方节点。"),
    "world": ("lianfang.cli.world:world", "The demonstration city. 演示城市。"),
    "replay": (
        "lianfang.cli.replay:replay",
        "Published outbreaks from shipped facts. 用公开数据重演历史疫情。",
    ),
    "predict": ("lianfang.cli.predict:predict", "What is going on, what comes next. 疫情态势与预警。"),
    "control": ("lianfang.cli.control:control", "Trace and contain. 追踪与控制。"),
    "treat": ("lianfang.cli.treat:treat", "Help to diagnose. 辅助诊断。"),
    "guard": ("lianfang.cli.guard:guard", "Who may know what, why, how long. 谁可知道什么、为何、多久。"),
    "report": ("lianfang.cli.reports:report", "Reports committed to at their source. 报告先承诺后报送。"),
    "ledger": ("lianfang.cli.ledger:ledger", "Proofs that a record was not altered. 记录未被篡改之证明。"),
    "receipt": ("lianfang.cli.receipt:receipt", "Receipts of records, checked anywhere. 记录凭证及其核验。"),
}

# the same name in a room's group
ROOMS: dict[str, dict[str, tuple[str, str]]] = {
    "predict": {
        "reproduction": ("lianfang.cli.predict:reproduction", "Rt from new cases. 由新增病例估计 Rt。"),
        "rt": ("lianfang.cli.predict:reproduction", "The same. 同上。"),
        "detection": ("lianfang.cli.predict:detection", "More than usual? 计数异常升高？"),
        "clusters": ("lianfang.cli.predict:clusters", "Do cases share something? 病例是否聚集？"),
    },
    "control": {
        "tracing": ("lianfang.cli.tracing:tracing", "Who met whom, in which order to act. 追踪接触者。"),
    },
    "treat": {
        "folding": (
            "lianfang.cli.treat_folding:folding",
            "Fold RNA, a genome in seconds. 预测 RNA 二级结构。",
        ),
        "fold": ("lianfang.cli.treat_folding:folding", "The same. 同上。"),
        "structure": ("lianfang.cli.treat_folding:structure", "Energy of given structures. 给定结构的能量。"),
        "pairs": ("lianfang.cli.treat_folding:pairs", "How probable each base pair is. 碱基配对概率。"),
        "accessible": ("lianfang.cli.treat_folding:accessible", "Open sites for probes, primers. 可及位点。"),
        "genome": (
            "lianfang.cli.treat_genome:genome",
            "Read genomes: quality, changes, lineage. 基因组分析。",
        ),
        "casedef": ("lianfang.cli.treat_casedef:casedef", "Who counts as a case, and why. 病例定义。"),
        "reads": (
            "lianfang.cli.treat_genome:reads",
            "From sequencing reads to a genome. 由测序读段到基因组。",
        ),
        "oligos": ("lianfang.cli.treat_genome:oligos", "Do primers and probes still fit? 引物错配检查。"),
        "clusters": ("lianfang.cli.treat_genome:clusters", "Genomes of one chain. 基因组聚类。"),
    },
    "guard": {
        "ledger": (
            "lianfang.cli.ledger:ledger",
            "Proofs that a record was not altered. 记录未被篡改之证明。",
        ),
        "policy": ("lianfang.cli.guard:policy", "Who may do what with which data. 谁可为何处理何种信息。"),
        "backup": ("lianfang.cli.backup:backup", "Encrypted backups, restores, drills. 备份、恢复、演练。"),
        "keys": ("lianfang.cli.keys:keys", "List, rotate, move the root. 密钥清单、轮换、根密钥迁移。"),
        "redaction": (
            "lianfang.cli.guard:redaction",
            "What in a text points to a person. 文本中的个人信息。",
        ),
        "subject": ("lianfang.cli.persons:subject", "What a person may ask of us. 本人查阅、更正、删除。"),
        "incident": ("lianfang.cli.persons:incident", "Something went wrong. 个人信息安全事件。"),
        "canary": ("lianfang.cli.persons:canary", "Planted records that show a leak. 植入记录。"),
        "disclosure": (
            "lianfang.cli.disclosure:disclosure",
            "Check a bulletin before it leaves. 发布前审查通报。",
        ),
        "attack": (
            "lianfang.cli.attack:attack",
            "What published releases give away. 检验通报能否被推算。",
        ),
        "assessment": (
            "lianfang.cli.inspection:assessment",
            "The impact assessment. 个人信息保护影响评估。",
        ),
        "inspect": (
            "lianfang.cli.inspection:inspect",
            "A signed report on the installation. 监督检查报告。",
        ),
    },
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed."""

    def __init__(self, *args: Any, lazy: dict[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.lazy) + sorted(super().list_commands(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.lazy:
            module, _, attribute = self.lazy[cmd_name][0].partition(":")
            command = getattr(importlib.import_module(module), attribute)
            return cast("click.Command", command)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.lazy[name][1]) for name in self.lazy]
        rows += [
            (name, command.get_short_help_str())
            for name in sorted(super().list_commands(ctx))
            if (command := self.get_command(ctx, name)) is not None
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def _room(name: str, help_text: str) -> LazyGroup:
    return LazyGroup(name=name, help=help_text, lazy=ROOMS.setdefault(name, {}))


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lianfang", prog_name="lianfang")
def cli() -> None:
    """Lianfang 联防: an outbreak from signal to the right person reached.

    With proof that nobody else was exposed.
    """


def _language() -> str:
    from lianfang.foundation.words.choice import terminal_language

    return terminal_language()


def _show(error: click.ClickException) -> None:
    """click's own errors as click prints them, in the reader's language; what was typed does not steer the terminal."""
    from lianfang.foundation.text import log_safe
    from lianfang.foundation.words import say

    lang = _language()
    context = getattr(error, "ctx", None)
    lines = []
    if context is not None:
        lines.append(say(context.get_usage(), lang))
        if context.command.get_help_option(context) is not None:
            lines.append(say(f"Try '{context.command_path} {context.help_option_names[0]}' for help.", lang))
        lines.append("")
    lines.append(log_safe(say(f"Error: {error.format_message()}", lang), limit=20_000))
    click.echo("\n".join(lines), err=True)


def _unforeseen(error: Exception) -> int:
    """What nobody foresaw: its kind and our line, no trace, as values in one would reach the screen and its log."""
    import traceback

    from lianfang.foundation.errors import Fault
    from lianfang.foundation.words import message

    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "lianfang" in frame.filename]
    place = f"{ours[-1].filename.rpartition('lianfang/')[2]}:{ours[-1].lineno}" if ours else "-"
    said = message(Fault("Something failed on our side."), _language())
    click.echo(f"lianfang: {said} ({type(error).__name__}, {place})", err=True)
    return 1


def main() -> None:
    """Entry point: runs the command line and turns our errors into words and exit codes."""
    from lianfang.foundation.errors import LianfangError

    try:
        cli(standalone_mode=False)
    except LianfangError as error:
        from lianfang.foundation.text import log_safe
        from lianfang.foundation.words import message
        from lianfang.guard.redaction.exits import masked

        said = log_safe(masked(message(error, _language())), limit=20_000)  # no input steers the terminal
        click.echo(f"lianfang: {said}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        _show(error)
        sys.exit(2)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except Exception as error:
        sys.exit(_unforeseen(error))
