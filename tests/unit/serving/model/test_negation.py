"""What a statement wants and what it does not: negations, corrections, and what only looks like one."""

import pytest

from serving.model.negation import Intent, split


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("no more science fiction, give me romantic comedies", "give me romantic comedies", "science fiction"),
        ("I'm tired of horror movies", "", "horror movies"),
        ("comedies, not horror", "comedies", "horror"),
        ("I want less horror and more comedy", "more comedy", "horror"),
        ("instead of war films, I'd like musicals", "I'd like musicals", "war films"),
        ("no horror, thrillers or westerns", "", "horror, thrillers or westerns"),
        ("Science fiction? No thanks.", "", "Science fiction"),
        ("please stop recommending me documentaries", "", "documentaries"),
        ("horror is not for me", "", "horror"),
        ("I hate romance. Action films please.", "Action films please", "romance"),
        ("I used to like science fiction, now I want film noir", "I want film noir", "science fiction"),
        ("action is too loud for me, I would rather see a romance", "rather see a romance", "action"),
        ("nothing for children, please", "", "children"),
        ("别再推荐科幻片了，我想看浪漫喜剧", "我想看浪漫喜剧", "科幻片"),
        ("科幻片我不想看了", "", "科幻片"),
        ("恐怖片看腻了，来点喜剧", "来点喜剧", "恐怖片"),
        ("与其看战争片，不如来部动画片", "来部动画片", "战争片"),
        ("我对恐怖片不感兴趣", "", "恐怖片"),
        ("少推点纪录片，多来点动作片", "多来点动作片", "纪录片"),
        ("我不喜欢音乐剧，但是喜欢歌舞片", "喜欢歌舞片", "音乐剧"),
        ("不含鸡肉的狗粮", "狗粮", "鸡肉"),
        ("除了喜剧以外的爱情片", "爱情片", "喜剧"),
        ("Hundefutter, bitte kein Huhn", "Hundefutter", "Huhn"),
        ("keine Kriegsfilme, lieber Western", "lieber Western", "Kriegsfilme"),
        ("Horrorfilme mag ich nicht mehr", "", "Horrorfilme"),
        ("galletas sin gluten", "galletas", "gluten"),
        ("galletas que no tengan frutos secos", "galletas que", "frutos secos"),
        (
            "no quiero películas de terror ni de guerra, prefiero comedias",
            "prefiero comedias",
            "películas de terror, guerra",
        ),
        ("croquettes pour chat, pas de poulet", "croquettes pour chat", "poulet"),
        ("je n’aime pas les films d’horreur", "", "films d'horreur"),
        ("du fromage, mais sans chèvre", "du fromage", "chèvre"),
        ("des croquettes sans saumon pour mon chat", "des croquettes, pour mon chat", "saumon"),
        ("crime, but nothing by Martin Scorsese", "crime", "Martin Scorsese"),
        ("キャンプ用品、テント以外", "キャンプ用品", "テント"),
        ("鶏肉なしのドッグフード", "ドッグフード", "鶏肉"),
        ("戦争映画は嫌い、西部劇がいい", "西部劇", "戦争映画"),
        ("ホラー映画はもういいです。コメディが見たい", "コメディ", "ホラー映画"),
    ],
)
def test_what_is_negated_is_told_from_what_is_wanted(text: str, wanted: str, unwanted: str) -> None:
    assert split(text) == Intent(wanted, unwanted)


@pytest.mark.parametrize(
    "text",
    [
        "I like watching movies, especially science fiction",
        "I can't get enough of westerns",
        "No idea what to watch, maybe a crime film",
        "not only comedies, dramas too",
        "我喜欢看电影，尤其是科幻片",
        "特别喜欢恐怖片",
        "这部电影真不错，我喜欢",
        "别人都说科幻片好看，我也想看",
        "headphones less than 50",
        "Kopfhörer, nicht über 50 Euro",
        "auriculares por menos de 50 euros",
        "un casque à moins de 50 euros",
        "Sin City",
        "不超过100元的耳机",
        "有没有口红推荐",
        "",
        "!?。，",
    ],
)
def test_a_statement_without_a_negation_comes_back_whole(text: str) -> None:
    assert split(text) == Intent(text)


def test_a_negation_of_nothing_is_none() -> None:
    assert split("no, thanks") == Intent("no, thanks")
    assert split("不要") == Intent("不要")
