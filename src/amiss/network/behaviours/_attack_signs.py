"""What attacks on web servers look like, value by value."""

from __future__ import annotations

import re

__all__ = ["SIGNS", "SUSPECT"]

_CONSTANT = r"(?:\d+|'[^']{0,30}'?|\"[^\"]{0,30}\"?)"

# Each is the kind of attack, how much it tells (from 1 on it is an attack by itself), and a pattern without codes.
SIGNS = tuple(
    (kind, weight, re.compile(pattern, re.IGNORECASE | re.DOTALL))
    for kind, weight, pattern in (
        ("SQL injection", 1.0,
         rf"(?:['\")]|\b\d+)\s*(?:\|\||&&|\bx?or\b|\band\b)\s+(?:not\s+)?{_CONSTANT}\s"
         rf"*(?:=|<|>|\blike\b)\s*{_CONSTANT}"),
        ("SQL injection", 1.0,
         r"(?:['\")]|\b\d+|^)\s*\bunion\s+(?:all\s+|distinct\s+)?select\b.{0,80}?(?:,|\bfrom\b|\bnull\b|\d|@@|\()"),
        ("SQL injection", 1.0,
         r"['\");]\s*;?\s*\b(?:drop|alter|truncate)\s+(?:table|database)\s+\w+\s*(?:;"
         r"|--|#|/\*|$)"),
        ("SQL injection", 1.0,
         r"['\")\d]\s*;\s*(?:insert\s+into|delete\s+from|update\s+\w+\s+set"
         r"|exec(?:ute)?\s|shutdown\b|declare\s+@)"),
        ("SQL injection", 1.0,
         r"\b(?:sleep|pg_sleep|benchmark|extractvalue|updatexml|load_file)\s*\(\s*[\d'(0x].{0,200}?\)"
         r"|\bwaitfor\s+delay\s+['\"]|\bxp_cmdshell\b|\binto\s+(?:out|dump)file\s+['\"]"),
        ("SQL injection", 1.0,
         r"\bselect\b.{1,80}?\bfrom\b\s+(?:information_schema|sysobjects"
         r"|pg_catalog|mysql\.user|sqlite_master|dual\b)"),
        ("SQL injection", 0.6, r"['\"]\s*\)*\s*(?:--\s*[-+]?\s*$|--\s|#\s*$)|['\")]\s*order\s+by\s+\d+"),
        ("SQL injection", 0.35, r"^[\w.@-]{0,20}['\"]\)*;?$"),
        ("path traversal", 1.0, r"(?:\.\.[/\\]+){2,}"),
        ("path traversal", 0.7, r"(?:^|[/\\])\.\.[/\\]|\.\.;/"),
        ("path traversal", 0.8,
         r"/etc/(?:passwd|shadow|hosts)\b|/proc/self/|\bwin\.ini\b|\bboot\.ini\b"
         r"|\\windows\\system32"),
        ("look-up injection", 1.5, r"\$\{[^}]{0,60}(?:jndi|\$\{(?:lower|upper|env|sys|::|:-|date)[^}]{0,60}\})"),
        ("look-up injection", 0.8,
         r"\$\{(?:lower|upper|env|sys|java|ctx|main|date):[^}]{1,80}\}|\b(?:ldaps?"
         r"|rmi|iiop)://[\w.:-]+/"),
        ("command injection", 1.0,
         r"(?:[;|`]|\|\||&&|\$\(|\n)\s*(?:/(?:usr/)?s?bin/)?(?:cat|ls|id"
         r"|whoami|uname|wget|curl|nc|ncat|bash|sh|ping|sleep|chmod|rm|python3?"
         r"|perl|powershell|cmd(?:\.exe)?|ipconfig|ifconfig|netstat|net\s+user"
         r"|nslookup|dir|echo)(?:\s+[-/\w.$]|\s*(?:[;|&`)<>#]|$))"),
        ("command injection", 1.2, r"\(\)\s*\{\s*[:;_]"),
        ("script injection", 1.0,
         r"<\s*/?\s*script\b|<\s*(?:img|svg|iframe|body|input|video|audio"
         r"|details|object|embed|a)\b[^>]{0,200}?\b(?:on\w{3,20}\s*=|src\s*=\s*['\"]?\s*(?:javascript"
         r"|data):|href\s*=\s*['\"]?\s*javascript:)"),
        ("script injection", 0.8,
         r"['\"]\s*on(?:error|load|click|focus|mouse\w+|toggle)\s*=|javascript:\s*\w+\s*[(.]"
         r"|document\.(?:cookie|location)\s*[+;)]|\balert\s*\(\s*['\"\d]"),
        ("file inclusion", 1.0,
         r"\b(?:php|expect|phar|zip)://(?:filter|input|\w)|<\?php\b|data:text/plain;base64,"
         r"|\bfile:///"),
        ("file inclusion", 0.7, r"^https?://[^/]+/.+\.(?:php|txt|jsp|asp)\??$"),
        ("entity injection", 1.0, r"<!(?:doctype\b[^>]{0,200}\[|entity\s)"),
        ("template injection", 1.0,
         r"\{\{.{0,60}(?:\d\s*\*\s*\d|__class__|config|self\.|request\.)"
         r"|<%=.{1,60}%>|\$\{\s*\d+\s*\*\s*\d+\s*\}|#\{\s*\d+\s*\*\s*\d+\s*\}"
         r"|\bT\(java\.lang"),
        ("object injection", 1.0, r"\bO:\d+:\"[\w\\]+\":\d+:\{|\brO0AB[\w+/]|class\.module\.classloader"),
        ("server-side request", 1.0,
         r"https?://(?:169\.254\.169\.254|metadata\.google\.internal)|\bgopher://"
         r"|\bdict://"),
    )
)  # fmt: skip
"""A value is closed, and a condition between constants, or a second question, follows; a path that climbs; a look-up;
a command after the end of another; a script where a text belongs."""

SUSPECT = re.compile(r"['\"<>(){}$;|`#\\]|\.\.|--|/etc/|union|select|script|://|\bor\b|\band\b|%", re.IGNORECASE)
"""What a value must have to be worth a closer look."""
