"""Gifts from donor to ward: who gave, what became of each piece, who needs what, where money may really be sent.

Quantities are whole numbers of the item's unit; money is in fen. Steps and moves are only ever added.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from lianfang.records.cases import EventId
from lianfang.records.declare import NOBODYS, P0, P1, P2, P3, About, Record

_GIFTS = frozenset({"donation"})
Quantity = Annotated[int, Field(ge=0, le=10**12)]

Provenance = Literal["open", "directed", "self_delivered", "purchase"]
Channel = Literal["bank", "post", "platform", "point"]


class SupplyBody(Record):
    """A body that keeps or receives goods: a depot, a hospital, a community."""

    about: ClassVar[About] = About(
        "supply_body", "物资单位", "supply body", "store", ("body_id",), _GIFTS, retention="keep"
    )
    body_id: Annotated[str, P0("单位编号", "body id")]
    kind: Annotated[Literal["depot", "hospital", "community", "other"], P0("类别", "kind")]
    name_zh: Annotated[str, P0("中文名", "name (zh)")]
    name_en: Annotated[str, P0("英文名", "name (en)")]
    adcode: Annotated[str, P0("区划", "division")]
    by: Annotated[str, P0("登记人", "by account", disclosure="never")]


class SupplyItem(Record):
    """An item of the catalogue that the installation adds to the shipped ones, with the standard it must meet."""

    about: ClassVar[About] = About(
        "supply_item", "物资目录", "supply item", "store", ("item_id",), _GIFTS, retention="keep"
    )
    item_id: Annotated[str, P0("物资编号", "item id")]
    category: Annotated[str, P0("类别", "category")]
    name_zh: Annotated[str, P0("中文名", "name (zh)")]
    name_en: Annotated[str, P0("英文名", "name (en)")]
    unit_zh: Annotated[str, P0("单位（中文）", "unit (zh)")]
    unit_en: Annotated[str, P0("单位（英文）", "unit (en)")]
    standard: Annotated[str, P0("执行标准", "standard that it must meet")]
    medical: Annotated[bool, P0("医用", "for medical use")] = False
    expires: Annotated[bool, P0("有效期", "has an expiry date")] = True
    serves: Annotated[list[str], P0("可替代", "items whose need it may serve")] = []
    source: Annotated[str, P0("来源", "source")] = ""


class Gift(Record):
    """One item given by one donor. Of the donor it holds an id only; the code under which he follows it as a digest."""

    about: ClassVar[About] = About(
        "gift", "捐赠", "gift", "store", ("gift_id",), _GIFTS, retention="keep", indexes=(("event_id", "at"),)
    )
    gift_id: Annotated[str, P0("捐赠编号", "gift id")]
    event_id: EventId
    donor_id: Annotated[str, P2("捐赠人标识", "donor id", kind="pseudonym", disclosure="never", indexed=True)]
    code: Annotated[
        str, P2("凭据摘要", "SHA-256 of the receipt code", kind="pseudonym", disclosure="never", indexed=True)
    ]
    item_id: Annotated[str, P0("物资", "item as declared", indexed=True)]
    quantity: Annotated[Quantity, P1("认捐数量", "quantity pledged")]
    provenance: Annotated[Provenance, P0("来源方式", "provenance")]
    directed_to: Annotated[str, P0("定向单位", "body that it is directed to")] = ""
    purpose: Annotated[str, P0("用途", "purpose that the donor named")] = ""
    purchase_id: Annotated[str, P0("采购编号", "purchase that it came from", indexed=True)] = ""
    at: Annotated[datetime, P0("时间", "pledged at")]
    by: Annotated[str, P0("登记人", "by account", disclosure="never")]


class GiftDonor(Record):
    """Who gave, in the vault; and whether he wants to be named. Ends with the event."""

    about: ClassVar[About] = About(
        "gift_donor", "捐赠人", "donor", "store", ("donor_id",), _GIFTS, retention="event", subject=True
    )
    donor_id: Annotated[str, P0("捐赠人标识", "donor id", disclosure="never")]
    event_id: EventId
    name: Annotated[str, P3("姓名或名称", "name", kind="name")] = ""
    phone: Annotated[str, P3("联系电话", "phone", kind="mobile")] = ""
    show: Annotated[bool, P2("愿意署名", "wants to be named in public", kind=NOBODYS, disclosure="never")] = (
        False
    )
    decided_at: Annotated[datetime, P2("意愿时间", "wish recorded at", kind=NOBODYS, disclosure="never")]
    decision_id: Annotated[str, P0("决定编号", "decision of the gate", disclosure="never")] = ""


class GiftStep(Record):
    """One signed step of a gift: what was done, by whom, when; its entry in the ledger. Corrected by another step."""

    about: ClassVar[About] = About(
        "gift_step", "捐赠步骤", "step of a gift", "store", ("gift_id", "number"), _GIFTS, retention="keep"
    )
    step_id: Annotated[str, P0("步骤编号", "step id", indexed=True)]
    gift_id: Annotated[str, P0("捐赠编号", "gift id")]
    number: Annotated[int, P0("序号", "number within the gift")]
    kind: Annotated[str, P0("步骤", "kind")]
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("操作人", "by account", disclosure="never")]
    role: Annotated[str, P0("角色", "role")]
    reverses: Annotated[str, P0("冲正", "step that it reverses", indexed=True)] = ""
    content: Annotated[dict[str, Any], P0("内容", "what was signed", disclosure="never")]
    signature: Annotated[str, P0("签名", "signature")]
    key_id: Annotated[str, P0("密钥", "key")]
    log_index: Annotated[int, P0("日志序号", "index in the ledger")]


class GiftMove(Record):
    """A quantity that a step moved from one holding of a gift to another; every piece is in one holding."""

    about: ClassVar[About] = About(
        "gift_move",
        "捐赠流转",
        "move of a gift",
        "store",
        ("step_id", "number"),
        _GIFTS,
        retention="keep",
        indexes=(("source", "source_item"), ("target", "target_item")),
    )
    step_id: Annotated[str, P0("步骤编号", "step id")]
    number: Annotated[int, P0("序号", "number within the step")]
    gift_id: Annotated[str, P0("捐赠编号", "gift id", indexed=True)]
    quantity: Annotated[Quantity, P1("数量", "quantity")]
    source: Annotated[str, P0("出自状态", "state that it left")]
    source_at: Annotated[str, P0("出自", "depot, lot or allocation that it left")]
    source_item: Annotated[str, P0("出自物资", "item that it was held as")]
    target: Annotated[str, P0("转入状态", "state that it came to")]
    target_at: Annotated[str, P0("转入", "depot, lot or allocation that it came to")]
    target_item: Annotated[str, P0("转入物资", "item that it is held as")]
    at: Annotated[datetime, P0("时间", "time")]


class GiftLot(Record):
    """What an inspection accepted of a gift: item and standard as found, lot number, expiry, depot."""

    about: ClassVar[About] = About("gift_lot", "批次", "lot", "store", ("lot_id",), _GIFTS, retention="keep")
    lot_id: Annotated[str, P0("批次编号", "lot id")]
    gift_id: Annotated[str, P0("捐赠编号", "gift id", indexed=True)]
    item_id: Annotated[str, P0("物资", "item as found", indexed=True)]
    mark: Annotated[str, P0("标识标准", "standard marked on the goods")]
    lot_no: Annotated[str, P0("生产批号", "maker's lot number")] = ""
    expires_on: Annotated[date | None, P0("有效期至", "expires on")] = None
    depot_id: Annotated[str, P0("仓库", "depot")]
    shelf: Annotated[str, P0("库位", "shelf", disclosure="never")] = ""
    stored_at: Annotated[datetime | None, P0("入库时间", "first stored at")] = None


class GiftAllocation(Record):
    """A quantity of a lot given to a body, for a need where there is one."""

    about: ClassVar[About] = About(
        "gift_allocation", "分配", "allocation", "store", ("allocation_id",), _GIFTS, retention="keep"
    )
    allocation_id: Annotated[str, P0("分配编号", "allocation id")]
    gift_id: Annotated[str, P0("捐赠编号", "gift id", indexed=True)]
    lot_id: Annotated[str, P0("批次编号", "lot id")]
    item_id: Annotated[str, P0("物资", "item")]
    body_id: Annotated[str, P0("受赠单位", "body that receives it", indexed=True)]
    need_id: Annotated[str, P0("需求编号", "need that it serves", indexed=True)] = ""


class GiftPurchase(Record):
    """Money that became goods: the price in fen, drawn from gifts of money, and the gift of goods it bought."""

    about: ClassVar[About] = About(
        "gift_purchase", "采购", "purchase", "store", ("purchase_id",), _GIFTS, retention="keep"
    )
    purchase_id: Annotated[str, P0("采购编号", "purchase id")]
    event_id: EventId
    supplier: Annotated[str, P0("供应单位", "supplier")]
    item_id: Annotated[str, P0("物资", "item")]
    quantity: Annotated[Quantity, P1("数量", "quantity")]
    price: Annotated[Quantity, P1("金额（分）", "price (fen)")]
    gift_id: Annotated[str, P0("所购物资", "gift of goods that it became")]


class SupplyNeed(Record):
    """What a body asks for: item, quantity, until when, and how long what it has will last."""

    about: ClassVar[About] = About(
        "supply_need", "物资需求", "need", "store", ("need_id",), _GIFTS, retention="keep"
    )
    need_id: Annotated[str, P0("需求编号", "need id")]
    event_id: EventId
    body_id: Annotated[str, P0("单位", "body", indexed=True)]
    item_id: Annotated[str, P0("物资", "item", indexed=True)]
    quantity: Annotated[Quantity, P1("需求数量", "quantity needed")]
    until: Annotated[date, P0("截至", "needed until")]
    stock: Annotated[Quantity, P1("现有库存", "stock on hand")] = 0
    daily_use: Annotated[Quantity, P1("日消耗", "use a day")] = 0
    status: Annotated[Literal["open", "withdrawn"], P0("状态", "status", indexed=True)] = "open"
    at: Annotated[datetime, P0("时间", "time")]
    by: Annotated[str, P0("申请人", "by account", disclosure="never")]
    log_index: Annotated[int, P0("日志序号", "index in the ledger")]


class CollectionAccount(Record):
    """A real account or point of collection, shown in the register; entered by one person, verified by another."""

    about: ClassVar[About] = About(
        "collection_account",
        "募捐账户登记",
        "collection account",
        "store",
        ("account_id",),
        _GIFTS,
        retention="keep",
    )
    account_id: Annotated[str, P0("登记编号", "entry id")]
    name_zh: Annotated[str, P0("户名（中文）", "name of the body (zh)")]
    name_en: Annotated[str, P0("户名（英文）", "name of the body (en)")]
    channel: Annotated[Channel, P0("渠道", "channel")]
    bank: Annotated[str, P0("开户行或平台", "bank or platform")] = ""
    number: Annotated[str, P0("账号、网址或地址", "account, address on the net, or address of the point")]
    valid_from: Annotated[date, P0("有效期自", "valid from")]
    valid_to: Annotated[date | None, P0("有效期至", "valid to")] = None
    evidence: Annotated[str, P0("核实依据", "what it was verified by")] = ""
    entered_by: Annotated[str, P0("登记人", "entered by account", disclosure="never")]
    verified_by: Annotated[str, P0("核实人", "verified by account", disclosure="never")] = ""
    verified_at: Annotated[datetime | None, P0("核实时间", "verified at")] = None
    ended_at: Annotated[datetime | None, P0("停用时间", "ended at")] = None
    log_index: Annotated[int | None, P0("日志序号", "index in the ledger")] = None
