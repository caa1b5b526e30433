"""Invented names. Surnames and given characters are common ones; streets, schools and firms are made up."""

from __future__ import annotations

CITY = {"zh": "临江市", "en": "Linjiang (fictional)"}
ADCODE = "429900"

# adcode, zh, en, share of the population, centre in parts of the city's side
DISTRICTS = (
    ("429901", "城南区", "Chengnan", 0.26, 0.50, 0.24),
    ("429902", "望江区", "Wangjiang", 0.24, 0.24, 0.50),
    ("429903", "青石区", "Qingshi", 0.20, 0.76, 0.52),
    ("429904", "云溪区", "Yunxi", 0.18, 0.46, 0.78),
    ("429905", "松湖新区", "Songhu New District", 0.12, 0.84, 0.86),
)
# neighbouring places that people come from and go to; as unassigned as the city itself
NEIGHBOURS = (
    ("429910", "上浦市", "Shangpu (fictional)", 0.40),
    ("429920", "平阳洲市", "Pingyangzhou (fictional)", 0.25),
    ("429930", "白鹭市", "Bailu (fictional)", 0.20),
    ("429940", "远山市", "Yuanshan (fictional)", 0.15),
)
STREETS = (
    ("柳荫路", "槐安街", "南渡路", "石桥巷", "兰亭街", "芦花路", "望月街", "长堤路"),
    ("江滨大道", "渔歌路", "沙洲街", "白帆路", "潮声巷", "码头街", "晓渡路", "听涛街"),
    ("青石路", "松涛街", "砚台巷", "磨坊路", "采石街", "云台路", "竹径巷", "麦田路"),
    ("云溪路", "鹤鸣街", "梅坞巷", "茶场路", "清泉街", "杏林路", "枫桥巷", "溪口路"),
    ("松湖大道", "创新路", "星河街", "晨光路", "科苑街", "湖心路", "新荷街", "远帆路"),
)
SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁"
    "沈姜范江傅钟卢汪戴崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常万顾赖武康贺严尹钱"
    "施牛洪龚"
)
GIVEN_MALE = (
    "伟强磊军勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林阳建国志文海峰安德成东亮家豪子轩泽航思"
    "远嘉瑞晨逸"
)
GIVEN_FEMALE = (
    "芳娜敏静丽艳娟霞秀玲桂英红梅兰凤洁琳雪燕萍颖倩婷雯欣怡佳慧莉璐瑶梦晓月诗涵雨桐思彤若晴紫萱可馨依诺语嫣"
)
HOSPITALS = (
    ("临江市第一医院", "Linjiang First Hospital", 0),
    ("城南区人民医院", "Chengnan District Hospital", 0),
    ("望江区中心医院", "Wangjiang Central Hospital", 1),
    ("青石区人民医院", "Qingshi District Hospital", 2),
    ("云溪区人民医院", "Yunxi District Hospital", 3),
    ("松湖新区医院", "Songhu Hospital", 4),
)
GB18030_HOSPITAL, XLSX_HOSPITAL = 2, 3
MARKETS = ("城南市场", "望江农贸市场", "青石集贸市场", "云溪菜市场", "松湖生鲜市场")
MARKETS_EN = ("Chengnan Market", "Wangjiang Market", "Qingshi Market", "Yunxi Market", "Songhu Market")
FIRMS = (
    "机电",
    "纺织",
    "食品",
    "物流",
    "电子",
    "印务",
    "建材",
    "软件",
    "家具",
    "陶瓷",
    "服饰",
    "包装",
    "医药",
    "广告",
    "商贸",
)
FIRM_HEADS = "恒远瑞泰嘉和鼎盛博越华诚金桥新源天成同方立信明达永兴"
VENUES = ("茶楼", "酒家", "影院", "棋牌室", "健身房", "咖啡馆", "歌厅", "书店")
HOTELS = ("临江宾馆", "江畔酒店", "青石旅馆", "云溪客栈", "松湖饭店", "城南旅社")
STATIONS = (("临江站", "Linjiang Railway Station", 0), ("望江客运站", "Wangjiang Coach Station", 1))
TERMS = ("发热", "咳嗽", "呼吸困难", "肺炎", "口罩")
OCCUPATIONS = (
    "工人",
    "商业服务",
    "干部职员",
    "教师",
    "医务人员",
    "餐饮食品业",
    "农民",
    "家务及待业",
    "离退人员",
    "学生",
    "幼托儿童",
    "散居儿童",
)
MARKET = "城南市场"
