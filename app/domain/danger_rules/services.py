"""Rules for shared services: published history, databases, clusters, clouds, storage and packages."""

from __future__ import annotations

import re

from app.domain.danger_rules.rule import Rule, Step, words_in_order

DESTROYS = "destructive_command"
# For each program, the words (in this order) that mark a deleting call. `delete-*` matches any word with that prefix.
_DELETING_CALLS: dict[str, tuple[str, ...]] = {
    "aws": ("s3 rm --recursive", "s3 rb", "delete-*", "terminate-*", "purge-*", "deregister-*", "s3 sync --delete"),
    "gcloud": ("delete",),
    "gsutil": ("rm -r", "rm -rf", "rm -R", "rb"),
    "bq": ("rm",),
    "az": ("delete", "purge"),
    "doctl": ("delete",),
    "linode-cli": ("delete",),
    "hcloud": ("delete",),
    "heroku": ("apps:destroy", "pg:reset", "addons:destroy", "domains:clear"),
    "fly": ("destroy",),
    "flyctl": ("destroy",),
    "vercel": ("remove", "rm"),
    "netlify": ("sites:delete",),
    "firebase": ("projects:delete", "firestore:delete", "database:remove"),
    "kubectl": (
        "delete ns",
        "delete namespace*",
        "delete pv*",
        "delete persistentvolume*",
        "delete crd*",
        "delete --all",
        "delete -A",
        "delete --all-namespaces",
        "delete node*",
        "delete cluster*",
        "delete -f",
        "drain",
        "delete all",
    ),
    "oc": ("delete project*", "delete --all"),
    "helm": ("uninstall", "delete"),
    "terraform": ("destroy", "state rm", "apply -destroy", "workspace delete"),
    "tofu": ("destroy", "state rm"),
    "terragrunt": ("destroy", "run-all destroy"),
    "pulumi": ("destroy", "stack rm"),
    "cdk": ("destroy",),
    "sam": ("delete",),
    "serverless": ("remove",),
    "eksctl": ("delete",),
    "kops": ("delete",),
    "kind": ("delete",),
    "nomad": ("stop -purge", "system gc"),
    "docker": (
        "system prune",
        "volume rm",
        "volume prune",
        "image prune -a",
        "container prune",
        "network prune",
        "swarm leave",
        "compose down -v",
        "compose down --volumes",
        "stack rm",
        "builder prune",
    ),
    "podman": ("system prune", "system reset", "volume rm", "volume prune"),
    "docker-compose": ("down -v", "down --volumes"),
    "gh": ("repo delete", "release delete", "secret delete", "repo archive"),
    "glab": ("repo delete",),
    "rclone": ("delete", "purge", "deletefile"),
    "mc": ("rm --recursive", "rb"),
    "s3cmd": ("del --recursive", "rb", "del -r"),
    "redis-cli": ("flushall", "FLUSHALL", "flushdb", "FLUSHDB"),
    "etcdctl": ("del --prefix", "del ''"),
    "consul": ("kv delete",),
    "vault": ("secrets disable", "delete", "kv destroy", "kv metadata delete", "auth disable", "lease revoke"),
    "rabbitmqctl": ("reset", "force_reset", "delete_*"),
    "kafka-topics": ("--delete",),
    "kafka-topics.sh": ("--delete",),
    "mysqladmin": ("drop",),
    "influx": ("delete", "bucket delete"),
    "flyway": ("clean",),
    "liquibase": ("drop-all", "dropAll"),
    "alembic": ("downgrade base",),
    "rails": ("db:drop*", "db:reset", "db:schema:load", "db:purge"),
    "rake": ("db:drop*", "db:reset", "db:schema:load"),
    "prisma": ("migrate reset",),
    "npx": ("prisma migrate reset", "sequelize db:drop"),
    "artisan": ("migrate:fresh", "db:wipe", "migrate:reset"),
    "php": ("artisan migrate:fresh", "artisan db:wipe", "artisan migrate:reset"),
    "knex": ("migrate:rollback --all",),
    "npm": ("unpublish",),
    "cargo": ("yank",),
    "gem": ("yank",),
    "supabase": ("db reset",),
    "velero": ("backup delete",),
    "restic": ("forget --prune",),
    "borg": ("delete",),
}
_MANAGES = frozenset({"flush", "reset_db", "sqlflush"})
_SQL = re.compile(
    r"\b(drop\s+(database|schema|table|keyspace|user|role|owned|index|view)\b|truncate\s+(table\s+)?[\w\"`.]"
    r"|alter\s+table\s+\S+\s+drop\b|delete\s+from\s+[\w.\"`]+\s*(;|$|['\"])"
    r"|update\s+[\w.\"`]+\s+set\s+(?![^;]*\bwhere\b)|flushall\b|flushdb\b|dropDatabase\s*\(|\.drop\s*\(\s*\)"
    r"|(deleteMany|remove)\s*\(\s*(\{\s*\})?\s*\)|grant\s+all\b)",
    re.IGNORECASE,
)
# These programs print or search for such words, and do not execute them.
_ONLY_TEXT = frozenset({
    "echo", "printf", "grep", "egrep", "fgrep", "rg", "ag", "sed", "awk", "git", "cat", "less", "test", "[", "jq", "tee",
    "gh", "diff", "head",
    "tail", "wc", "sort", "vim", "nano", "ls", "find", "touch", "mkdir", "rm", "cp", "mv",
})  # fmt: skip
_DATABASES = frozenset({
    "psql", "mysql", "mariadb", "sqlite3", "mongo", "mongosh", "cqlsh", "clickhouse-client", "redis-cli", "sqlcmd", "duckdb",
    "cockroach",
})  # fmt: skip
_WIDE_DELETE = re.compile(r"^https?://[^/]+/(_all|\*|_cluster.*|\*?/?_delete_by_query.*|)(\?.*)?$")


def deletes_resources(step: Step) -> bool:
    """A call to a cloud, cluster, container or package tool that deletes something."""
    if step.has("--dry-run", "--dryrun", "--help"):
        return False
    calls = _DELETING_CALLS.get(step.program, ())
    if any(words_in_order(step.arguments, call.split()) for call in calls):
        return True
    if step.program.startswith("python") and any(word.endswith("manage.py") for word in step.arguments):
        return bool(_MANAGES & set(step.arguments))
    if step.program in {"docker", "podman"} and {"rm", "rmi", "kill", "stop"} & set(step.arguments[:2]):
        return any(
            "ps " in word.text or "images" in word.text or "ps`" in word.text
            for word in step.words
            if word.value is None
        )
    if step.program == "docker" and step.arguments[:1] == ["compose"] and "down" in step.arguments:
        return step.has("-v", "--volumes")
    return step.program == "manage.py" and bool(_MANAGES & set(step.arguments))


def drops_data(step: Step) -> bool:
    """SQL, or a similar command, that drops or empties parts of a database."""
    if step.program in {"dropdb", "dropuser"}:
        return True
    if step.program == "pg_restore":
        return step.has("-c", "--clean")
    if step.program in _ONLY_TEXT:
        return False
    texts = [word.text if word.value is None else word.value for word in step.words[1:]]
    texts += [
        item.target.value or item.target.text
        for item in step.command.redirections
        if item.operator in {"<<", "<<-", "<<<"}
    ]
    if step.program in _DATABASES:
        for source in step.script.inputs_of(step.command):
            texts += [word.text for word in source.words]
            texts += [
                item.target.value or item.target.text for item in source.redirections if item.operator.startswith("<<")
            ]
    return any(_SQL.search(text) for text in texts)


def rewrites_published(step: Step) -> bool:
    """A push that replaces or deletes published history."""
    if step.program != "git" or "push" not in step.arguments:
        return False
    after = step.arguments[step.arguments.index("push") + 1 :]
    if any(
        word in {"-f", "--force", "--mirror", "--delete", "-d", "--prune"} or re.match(r"^-[a-z]*f", word)
        for word in after
    ):
        return True
    return any(re.match(r"^\+\w|^:\w", word) for word in after)


def deletes_by_request(step: Step) -> bool:
    """A DELETE request for everything on a server."""
    if step.program != "curl" or (step.value_of("-X", "--request") or "").upper() != "DELETE":
        return False
    return any(_WIDE_DELETE.match(word) for word in step.arguments)


RULES: tuple[Rule, ...] = (
    Rule(
        DESTROYS, "deletes resources of a cloud, a cluster, a registry or a container engine", deletes_resources,
        ("aws s3 rm s3://reports --recursive", "aws s3 rb s3://reports --force",
         "aws ec2 terminate-instances --instance-ids i-1",
         "aws rds delete-db-instance --db-instance-identifier x", "gcloud projects delete x", "gsutil -m rm -r gs://x",
         "az group delete -n x",
         "kubectl delete ns shop", "kubectl delete pods --all", "kubectl delete -f all.yaml", "helm uninstall shop",
         "terraform destroy -auto-approve",
         "pulumi destroy --yes", "docker system prune -af --volumes", "docker rm -f $(docker ps -aq)",
         "docker compose down -v", "gh repo delete x --yes",
         "rclone purge remote:x", "redis-cli FLUSHALL", "heroku apps:destroy x", "npm unpublish x", "python manage.py flush",
         "rails db:drop",
         "vault secrets disable kv", "kubectl drain node-1", "aws s3api delete-bucket --bucket x", "docker volume rm data",
         "etcdctl del --prefix /"),
        ("aws s3 sync build s3://site", "aws s3 rm s3://reports/old.md", "kubectl apply -f x.yaml", "kubectl get pods",
         "terraform plan", "helm upgrade x .",
         "docker build -t x .", "docker rm -f my-container", "docker compose down", "gh release create v1", "redis-cli ping",
         "npm publish",
         "python manage.py migrate", "rails db:migrate", "kubectl delete pod x", "kubectl rollout restart deploy/x",
         "terraform apply plan.out",
         "aws s3 rm --recursive --dryrun s3://x"),
    ),
    Rule(
        DESTROYS, "drops or empties tables or databases", drops_data,
        ("psql -c 'drop table users'", "mysql -e 'TRUNCATE TABLE x'", "dropdb shop", "psql shop -c 'DELETE FROM orders;'",
         "mongosh --eval 'db.dropDatabase()'",
         "echo 'DROP DATABASE shop' | psql", "sqlite3 shop.db 'drop table orders'", "psql <<END\nTRUNCATE orders;\nEND",
         "mysql -e 'update users set admin = 1'", "pg_restore --clean -d shop x.dump", "cqlsh -e 'DROP KEYSPACE shop'",
         "./run-sql 'DROP SCHEMA public CASCADE'"),
        ("psql -c 'select 1'", "grep 'DROP TABLE' schema.sql", "echo table dropped",
         "psql -c \"delete from orders where id = 3\"", "psql -f report.sql",
         "mysql -e \"update users set name = 'x' where id = 1\"", "git commit -m 'drop table users'", "pg_dump shop",
         "sqlite3 x.db .tables"),
    ),
    Rule(
        DESTROYS, "rewrites or deletes published history", rewrites_published,
        ("git push --force origin main", "git push -f", "git push origin +main", "git push --delete origin v1",
         "git push origin :main", "git push --mirror x"),
        ("git push origin main", "git push --force-with-lease", "git push -u origin x", "git push --tags",
         "git push origin HEAD:main"),
    ),
    Rule(
        DESTROYS, "deletes everything on a server", deletes_by_request,
        ("curl -X DELETE http://es:9200/_all", "curl -XDELETE 'http://es:9200/*'"),
        ("curl -X DELETE http://localhost:8080/orders/3", "curl -X DELETE https://a.example/items/1"),
    ),
)  # fmt: skip
