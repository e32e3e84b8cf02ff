"""Fifteen briefs in the words of people who know their work and not Signoff, with the files that their workspaces hold."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class PlainBrief:
    """What somebody asks for.

    Attributes:
        name: the name of the project.
        text: the description of the project.
        files: the contents of the files in its workspace, by path.
    """

    name: str
    text: str
    files: dict[str, str] = field(default_factory=dict[str, str])


_ADDRESSES = """\
id,name,street,city,zip,country
1,Ana Lima,Rua Nova 4,Porto,4000-001,PT
2,ana lima,Rua Nova 4,Porto,4000-001,PT
3,Jo Weiss,Hauptstrasse 9,Bonn,53111,DE
4,Jo Weiß,Hauptstraße 9,Bonn,53111,DE
5,Kim Park,,Seoul,,KR
"""
_SALES = """\
date,region,amount
2026-07-03,north,1200.50
2026-08-11,south,830.00
2026-09-20,north,410.25
2026-09-21,east,95.10
"""
_SERVICE_TEST = """\
import unittest

from shop import price


class PriceTest(unittest.TestCase):
    def test_tax(self):
        self.assertEqual(price.with_tax(100), 119)
"""

BRIEFS: dict[str, PlainBrief] = {
    "weekly-report": PlainBrief(
        "Weekly report",
        "Every Monday we send the numbers of the last week to the management. Add up signups and revenue from the files in "
        "metrics/, write half a page about what changed and why it might have, let me read it, then I mail it myself.",
        {
            "metrics/2026-46.csv": "day,signups,revenue\nmon,12,300\ntue,9,210\nwed,15,420\nthu,11,280\nfri,7,150\n",
            "metrics/2026-47.csv": "day,signups,revenue\nmon,14,310\ntue,13,390\nwed,8,160\nthu,17,450\nfri,10,240\n",
        },
    ),
    "release": PlainBrief(
        "Release 2.4",
        "Release version 2.4 of the shop package: run the tests, set the version in setup.cfg, write release notes from the "
        "changes file. Two different people must approve the notes. Then build the source archive into dist/. "
        "I will upload it myself.",
        {
            "setup.cfg": "[metadata]\nname = shop\nversion = 2.3\n\n[options]\npackages = shop\n",
            "setup.py": "from setuptools import setup\n\nsetup()\n",
            "CHANGES": "2.4 (unreleased)\n- Prices include tax.\n- Faster search.\n\n2.3\n- First release.\n",
            "shop/__init__.py": "",
            "shop/price.py": "def with_tax(amount):\n    return round(amount * 1.19)\n",
            "tests/test_price.py": _SERVICE_TEST,
        },
    ),
    "addresses": PlainBrief(
        "Clean addresses",
        "customers.csv has some 40,000 customers. Find those that are there twice (spelling may differ a little), and "
        "incomplete ones. Put the pairs in one file and the incomplete ones in another. Change nothing in customers.csv "
        "before I have looked at both and said yes; then write customers-clean.csv, with one row for each pair.",
        {"customers.csv": _ADDRESSES},
    ),
    "restore-drill": PlainBrief(
        "Restore drill",
        "Restore last night's dump of the orders database on the spare server, compare the row counts with production, and "
        "delete the restored copy at the end, whatever happens.",
    ),
    "newsletter": PlainBrief(
        "Newsletter",
        "Publish newsletter.md by POST to https://api.example.org/v1/newsletters (bearer token is in "
        "${{ secrets.NEWSLETTER_TOKEN }}, body as text). Ana and one other person must have approved it first. "
        "Never send it on a Friday. If the call fails, do not send it again without asking.",
        {"newsletter.md": "# November\n\nThe new search is here.\n"},
    ),
    "old-logs": PlainBrief(
        "Clean up logs",
        "Compress all .log files below logs/ that are older than 30 days. Show me which ones and how big they are, and "
        "delete the originals only after I have agreed and the archives have been tested.",
        {"logs/app.log": "started\n", "logs/old/app.1.log": "stopped\n"},
    ),
    "certificates": PlainBrief(
        "Certificates",
        "hosts.txt lists our servers. Check when their certificates expire, and list those with less than 20 days left. "
        "If there are any, I have to renew them by hand; otherwise there is nothing to do.",
        {"hosts.txt": "example.org:443\nexample.com:443\n"},
    ),
    "licenses": PlainBrief(
        "License audit",
        "Make a table of the licenses of everything in requirements.txt, mark what is not MIT, BSD or Apache, and have "
        "somebody from legal look at the marked ones. If legal says no to any of them, stop.",
        {"requirements.txt": "httpx==0.28.1\npydantic==2.12.4\npsycopg==3.2.9\n"},
    ),
    "quarter": PlainBrief(
        "Quarter figures",
        "Sum up sales.csv by region for the third quarter and write one page about it for the board, with the table in it. "
        "The sum must match the ledger: 2535.85. If it does not, do not write anything.",
        {"sales.csv": _SALES},
    ),
    "migration": PlainBrief(
        "Database migration",
        "Apply migration.sql to app.db (SQLite). Make a backup, try it on a copy first, and ask me before you touch the real "
        "one. If anything goes wrong with the real one, put the backup back.",
        {
            "migration.sql": "ALTER TABLE users ADD COLUMN locale TEXT NOT NULL DEFAULT 'en';\n",
            "schema.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n",
        },
    ),
    "nothing": PlainBrief("Thing", "the usual, like last time please"),
    "manual": PlainBrief(
        "Translate the manual",
        "Translate manual.md into French and Spanish. A native speaker checks each of them and may ask for changes. When both "
        "are accepted, pack the three languages into manual.zip.",
        {"manual.md": "# The kettle\n\nFill it with water. Switch it on. Wait for the click.\n"},
    ),
    "deploy": PlainBrief(
        "Deploy the API",
        "Start the deployment of the version that I give with POST https://deploy.example.org/api/deploys, then wait until "
        "https://api.example.org/health answers 200, at most half an hour. If it does not, start "
        "https://deploy.example.org/api/rollback and tell me. Do it for staging first, and for production after I have said yes.",
    ),
    "first-day": PlainBrief(
        "First day",
        "A new colleague starts. IT makes the account and prepares the laptop, at the same time the office gets a desk ready. "
        "When both are done, the team lead gives access to the repository and has a welcome talk. Write the welcome letter "
        "from letter.txt with the colleague's name in it.",
        {"letter.txt": "Dear NAME,\n\nwelcome on board.\n"},
    ),
    "photos": PlainBrief(
        "Move the photos",
        "Copy everything from photos/ to archive/photos/, compare the checksums of all files, and delete photos/ when they are "
        "the same. Nothing may be lost. I want to see the list before anything is deleted.",
        {"photos/2025/a.jpg": "a", "photos/2026/b.jpg": "b"},
    ),
}
