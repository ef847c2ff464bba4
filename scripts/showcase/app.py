"""A WSGI application over countries.tsv: /…/quiz?code=IS answers, a POST of a name is a guess."""
import csv
import json
from pathlib import Path

with open(Path(__file__).with_name("countries.tsv"), newline="", encoding="utf-8") as file:
    COUNTRIES = {row["code"]: row for row in csv.DictReader(file, delimiter="\t")}


def application(env, start_response):
    asked_in = env["ASKED_IN"]
    body = env["wsgi.input"].read(int(env.get("CONTENT_LENGTH") or 0)).decode()
    code = env["QUERY_STRING"].removeprefix("code=").upper()
    country = COUNTRIES.get(code)
    if country is None:
        status, answer = "404 Not Found", {"error": f"no country {code}"}
    elif body:
        status, answer = "200 OK", {"guess": body, "right": body == country["capital"]}
    else:
        status, answer = "200 OK", {"name": country["name"], "asked in": asked_in}
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(answer, ensure_ascii=False).encode(), b"\n"]
