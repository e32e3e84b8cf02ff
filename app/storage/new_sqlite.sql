-- Generated from the migrations by tools/write_new_sqlite.py. Add a migration instead of editing this file.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE "attempts" (
	task_id VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	run_id VARCHAR(64) NOT NULL,
	try_number INTEGER NOT NULL,
	token VARCHAR(200) NOT NULL,
	status VARCHAR(16) NOT NULL,
	started_at VARCHAR(32) NOT NULL,
	ended_at VARCHAR(32),
	error JSON,
	stopping_at VARCHAR(32),
	left_behind JSON,
	worker VARCHAR(200),
	with_worker BOOLEAN NOT NULL,
	witnessed BOOLEAN NOT NULL,
	CONSTRAINT fk_attempts_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT pk_attempts PRIMARY KEY (task_id, number)
);
CREATE TABLE commands (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	request_id VARCHAR(200) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	actor TEXT NOT NULL,
	comment TEXT NOT NULL,
	payload JSON NOT NULL,
	plan_version INTEGER,
	plan_digest VARCHAR(64),
	run_id VARCHAR(64),
	at VARCHAR(32) NOT NULL,
	seal TEXT, actor_id VARCHAR(64), via VARCHAR(16), address VARCHAR(64), session_id VARCHAR(64),
	CONSTRAINT fk_commands_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT pk_commands PRIMARY KEY (id),
	CONSTRAINT uq_commands_project_id_request_id UNIQUE (project_id, request_id)
);
CREATE TABLE credentials (
	id VARCHAR(64) NOT NULL,
	identity_id VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	hash TEXT NOT NULL,
	prefix VARCHAR(32),
	created_at VARCHAR(32) NOT NULL,
	expires_at VARCHAR(32),
	last_used_at VARCHAR(32),
	CONSTRAINT fk_credentials_identity_id FOREIGN KEY(identity_id) REFERENCES identities (id) ON DELETE CASCADE,
	CONSTRAINT pk_credentials PRIMARY KEY (id),
	CONSTRAINT uq_credentials_identity_id_kind UNIQUE (identity_id, kind)
);
CREATE TABLE decisions (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	request_id VARCHAR(200) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	actor TEXT NOT NULL,
	at VARCHAR(32) NOT NULL,
	comment TEXT NOT NULL,
	plan_version INTEGER,
	plan_digest VARCHAR(64),
	outcome VARCHAR(16) NOT NULL,
	error JSON,
	payload JSON NOT NULL, actor_id VARCHAR(64), via VARCHAR(16), address VARCHAR(64), session_id VARCHAR(64),
	CONSTRAINT fk_decisions_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT uq_decisions_id UNIQUE (id),
	CONSTRAINT uq_decisions_project_id_request_id UNIQUE (project_id, request_id)
);
CREATE TABLE events (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	project_id VARCHAR(64) NOT NULL,
	seq INTEGER NOT NULL,
	type VARCHAR(64) NOT NULL,
	at VARCHAR(32) NOT NULL,
	actor TEXT NOT NULL,
	data JSON NOT NULL,
	hash VARCHAR(64) NOT NULL, seal TEXT, actor_id VARCHAR(64), via VARCHAR(16), address VARCHAR(64), session_id VARCHAR(64),
	CONSTRAINT fk_events_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT uq_events_project_id_seq UNIQUE (project_id, seq)
);
CREATE TABLE files (
	project_id VARCHAR(64) NOT NULL,
	path VARCHAR(1024) NOT NULL,
	size BIGINT NOT NULL,
	mtime_ns BIGINT NOT NULL,
	ctime_ns BIGINT NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	uploaded_at VARCHAR(32),
	uploaded_by TEXT, uploaded_by_id VARCHAR(64),
	CONSTRAINT fk_files_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT pk_files PRIMARY KEY (project_id, path)
);
CREATE TABLE filters (
	id VARCHAR(64) NOT NULL,
	owner VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	name_key VARCHAR(200) NOT NULL,
	conditions JSON NOT NULL,
	created_at VARCHAR(32) NOT NULL,
	CONSTRAINT pk_filters PRIMARY KEY (id),
	CONSTRAINT uq_filters_owner_name_key UNIQUE (owner, name_key)
);
CREATE TABLE gates (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	subject VARCHAR(200) NOT NULL,
	plan_version INTEGER NOT NULL,
	plan_digest VARCHAR(64) NOT NULL,
	rules JSON NOT NULL,
	opened_at VARCHAR(32) NOT NULL,
	expires_at VARCHAR(32),
	status VARCHAR(16) NOT NULL,
	closed_at VARCHAR(32), completed_by VARCHAR(64), undo_until VARCHAR(32),
	CONSTRAINT fk_gates_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT uq_gates_id UNIQUE (id)
);
CREATE TABLE idempotency (
	caller VARCHAR(200) NOT NULL,
	method VARCHAR(8) NOT NULL,
	path VARCHAR(500) NOT NULL,
	"key" VARCHAR(255) NOT NULL,
	body_hash VARCHAR(64) NOT NULL,
	request_id VARCHAR(64) NOT NULL,
	status INTEGER,
	headers JSON,
	body BLOB,
	claimed_until VARCHAR(32) NOT NULL,
	created_at VARCHAR(32) NOT NULL,
	CONSTRAINT pk_idempotency PRIMARY KEY (caller, method, path, "key")
);
CREATE TABLE identities (
	id VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	name TEXT NOT NULL,
	name_key VARCHAR(200) NOT NULL,
	email TEXT,
	grants JSON NOT NULL,
	created_at VARCHAR(32) NOT NULL,
	created_by TEXT NOT NULL,
	disabled_at VARCHAR(32),
	CONSTRAINT pk_identities PRIMARY KEY (id),
	CONSTRAINT uq_identities_name_key UNIQUE (name_key)
);
CREATE TABLE model_steps (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	project_id VARCHAR(64) NOT NULL,
	conversation VARCHAR(200) NOT NULL,
	number INTEGER NOT NULL,
	call_id VARCHAR(200) NOT NULL,
	tool VARCHAR(64),
	task_id VARCHAR(64),
	model VARCHAR(200) NOT NULL,
	status VARCHAR(8) NOT NULL,
	reserved_tokens INTEGER NOT NULL,
	reserved_cost FLOAT,
	input_tokens INTEGER NOT NULL,
	output_tokens INTEGER NOT NULL,
	cost_usd FLOAT,
	result JSON,
	started_at VARCHAR(32) NOT NULL,
	ended_at VARCHAR(32),
	CONSTRAINT fk_model_steps_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE TABLE "notifications" (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	seq INTEGER NOT NULL,
	entry VARCHAR(64) NOT NULL,
	event VARCHAR(16) NOT NULL,
	kind VARCHAR(32),
	item_id VARCHAR(64),
	status VARCHAR(16) NOT NULL,
	message JSON,
	attempts INTEGER NOT NULL,
	last_error TEXT,
	due_at VARCHAR(32),
	created_at VARCHAR(32) NOT NULL,
	handed_over_at VARCHAR(32),
	ended_at VARCHAR(32), recipient VARCHAR(200), link_id VARCHAR(64), batch_id VARCHAR(64),
	CONSTRAINT fk_notifications_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT pk_notifications PRIMARY KEY (id)
);
CREATE TABLE passkey_challenges (
	nonce VARCHAR(64) NOT NULL,
	identity_id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64),
	plan_version INTEGER,
	plan_digest VARCHAR(64),
	expires_at VARCHAR(32) NOT NULL, gate JSON, used_at VARCHAR(32),
	CONSTRAINT fk_passkey_challenges_identity_id FOREIGN KEY(identity_id) REFERENCES identities (id) ON DELETE CASCADE,
	CONSTRAINT pk_passkey_challenges PRIMARY KEY (nonce)
);
CREATE TABLE passkeys (
	id VARCHAR(64) NOT NULL,
	identity_id VARCHAR(64) NOT NULL,
	credential_id VARCHAR(2048) NOT NULL,
	public_key TEXT NOT NULL,
	rp_id VARCHAR(255) NOT NULL,
	sign_count BIGINT NOT NULL,
	name TEXT NOT NULL,
	created_at VARCHAR(32) NOT NULL,
	last_used_at VARCHAR(32),
	CONSTRAINT fk_passkeys_identity_id FOREIGN KEY(identity_id) REFERENCES identities (id) ON DELETE CASCADE,
	CONSTRAINT pk_passkeys PRIMARY KEY (id),
	CONSTRAINT uq_passkeys_credential_id UNIQUE (credential_id)
);
CREATE TABLE "phases" (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	"key" VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	description TEXT NOT NULL,
	position INTEGER NOT NULL,
	strategy VARCHAR(16) NOT NULL,
	requires_approval BOOLEAN NOT NULL,
	status VARCHAR(32) NOT NULL,
	started_at VARCHAR(32),
	completed_at VARCHAR(32),
	approved_at VARCHAR(32),
	approved_by TEXT,
	condition JSON,
	runs_on VARCHAR(16) NOT NULL,
	CONSTRAINT fk_phases_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT pk_phases PRIMARY KEY (id),
	CONSTRAINT uq_phases_project_id_key UNIQUE (project_id, "key")
);
CREATE TABLE "plans" (
	project_id VARCHAR(64) NOT NULL,
	version INTEGER NOT NULL,
	status VARCHAR(16) NOT NULL,
	digest VARCHAR(64),
	planner VARCHAR(64) NOT NULL,
	instructions TEXT,
	draft JSON,
	settings JSON,
	ids JSON,
	failure JSON,
	created_at VARCHAR(32) NOT NULL,
	created_by TEXT NOT NULL,
	approved_at VARCHAR(32),
	approved_by TEXT,
	based_on INTEGER,
	frozen JSON,
	signed_texts JSON,
	parameters JSON NOT NULL, created_by_id VARCHAR(64), approved_by_id VARCHAR(64),
	CONSTRAINT fk_plans_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT pk_plans PRIMARY KEY (project_id, version)
);
CREATE TABLE policies_in_force (
	id INTEGER NOT NULL,
	digest VARCHAR(64) NOT NULL,
	set_at VARCHAR(32) NOT NULL,
	CONSTRAINT pk_policies_in_force PRIMARY KEY (id)
);
CREATE TABLE project_counts (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	status VARCHAR(16) NOT NULL,
	number INTEGER NOT NULL
, archived BOOLEAN DEFAULT false NOT NULL);
CREATE VIRTUAL TABLE project_terms USING fts5(terms, content='', columnsize=0, detail='none', tokenize='ascii');
CREATE TABLE project_texts (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	text TEXT NOT NULL
);
CREATE TABLE "projects" (
	id VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	description TEXT NOT NULL,
	strategy VARCHAR(32) NOT NULL,
	auto_approve_plan BOOLEAN NOT NULL,
	auto_approve_phases BOOLEAN NOT NULL,
	decision_mode VARCHAR(16) NOT NULL,
	path TEXT,
	agent_id VARCHAR(64),
	sme_archetype VARCHAR(64),
	status VARCHAR(16) NOT NULL,
	stage VARCHAR(32) NOT NULL,
	former_stage VARCHAR(32),
	plan_version INTEGER,
	run_id VARCHAR(64),
	gate JSON,
	failure JSON,
	workspace TEXT NOT NULL,
	engaged BOOLEAN NOT NULL,
	created_at VARCHAR(32) NOT NULL,
	created_by TEXT NOT NULL,
	updated_at VARCHAR(32) NOT NULL,
	last_seq INTEGER NOT NULL,
	last_hash VARCHAR(64) NOT NULL,
	paused BOOLEAN NOT NULL,
	revision INTEGER NOT NULL,
	max_tokens BIGINT,
	max_cost_usd FLOAT,
	outcome VARCHAR(64),
	parameters JSON NOT NULL,
	created_by_id VARCHAR(64),
	labels JSON NOT NULL, signing JSON, name_key TEXT DEFAULT '' NOT NULL, text_position BIGINT, archived_at VARCHAR(32), template TEXT,
	CONSTRAINT pk_projects PRIMARY KEY (id)
);
CREATE TABLE questions (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	run_id VARCHAR(64) NOT NULL,
	task_id VARCHAR(64) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	question TEXT NOT NULL,
	options JSON NOT NULL,
	default_answer TEXT,
	status VARCHAR(16) NOT NULL,
	opened_at VARCHAR(32) NOT NULL,
	expires_at VARCHAR(32),
	answer TEXT,
	closed_at VARCHAR(32),
	closed_by TEXT,
	decision_id VARCHAR(64), reference VARCHAR(200), details JSON,
	CONSTRAINT fk_questions_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT uq_questions_id UNIQUE (id)
);
CREATE TABLE runs (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	plan_version INTEGER NOT NULL,
	plan_digest VARCHAR(64) NOT NULL,
	status VARCHAR(16) NOT NULL,
	temporal_run_id VARCHAR(64),
	started_at VARCHAR(32) NOT NULL,
	completed_at VARCHAR(32),
	CONSTRAINT fk_runs_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT pk_runs PRIMARY KEY (id),
	CONSTRAINT uq_runs_project_id_number UNIQUE (project_id, number)
);
CREATE TABLE seals (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	project_id VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT fk_seals_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT uq_seals_project_id_number UNIQUE (project_id, number)
);
CREATE TABLE sessions (
	id VARCHAR(64) NOT NULL,
	token_hash VARCHAR(64) NOT NULL,
	key_hash VARCHAR(64) NOT NULL,
	actor TEXT NOT NULL,
	address TEXT NOT NULL,
	user_agent TEXT NOT NULL,
	created_at VARCHAR(32) NOT NULL,
	expires_at VARCHAR(32) NOT NULL, identity_id VARCHAR(64),
	CONSTRAINT pk_sessions PRIMARY KEY (id),
	CONSTRAINT uq_sessions_token_hash UNIQUE (token_hash)
);
CREATE TABLE signing_links (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	identity_id VARCHAR(64) NOT NULL,
	token_hash VARCHAR(64) NOT NULL,
	plan_version INTEGER NOT NULL,
	plan_digest VARCHAR(64) NOT NULL,
	phase_id VARCHAR(64),
	created_at VARCHAR(32) NOT NULL,
	created_by TEXT NOT NULL,
	created_by_id VARCHAR(64),
	expires_at VARCHAR(32) NOT NULL,
	used_at VARCHAR(32),
	revoked_at VARCHAR(32), entry VARCHAR(64), address TEXT, requested_by TEXT, requested_by_id VARCHAR(64),
	CONSTRAINT fk_signing_links_identity_id FOREIGN KEY(identity_id) REFERENCES identities (id) ON DELETE CASCADE,
	CONSTRAINT fk_signing_links_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT pk_signing_links PRIMARY KEY (id),
	CONSTRAINT uq_signing_links_token_hash UNIQUE (token_hash)
);
CREATE TABLE slow_steps (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	project_id VARCHAR(64) NOT NULL,
	task_id VARCHAR(64) NOT NULL,
	week VARCHAR(10) NOT NULL,
	labels TEXT NOT NULL,
	duration_ms BIGINT NOT NULL,
	CONSTRAINT fk_slow_steps_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE TABLE "tasks" (
	id VARCHAR(64) NOT NULL,
	project_id VARCHAR(64) NOT NULL,
	phase_id VARCHAR(64) NOT NULL,
	"key" VARCHAR(64) NOT NULL,
	title TEXT NOT NULL,
	description TEXT NOT NULL,
	position INTEGER NOT NULL,
	agent_id VARCHAR(64),
	action JSON NOT NULL,
	depends_on JSON NOT NULL,
	inputs JSON NOT NULL,
	expected_files JSON NOT NULL,
	retries INTEGER NOT NULL,
	timeout_seconds FLOAT,
	on_crash VARCHAR(8) NOT NULL,
	status VARCHAR(16) NOT NULL,
	reason VARCHAR(64),
	outputs JSON NOT NULL,
	error JSON,
	exit_code INTEGER,
	log_bytes INTEGER NOT NULL,
	started_at VARCHAR(32),
	completed_at VARCHAR(32),
	due_at VARCHAR(32),
	attempt INTEGER NOT NULL,
	recorded_try INTEGER NOT NULL,
	token VARCHAR(200),
	after_failure VARCHAR(8),
	reads JSON NOT NULL,
	writes JSON NOT NULL,
	limits JSON NOT NULL,
	quarantine TEXT,
	condition JSON,
	requires_approval BOOLEAN NOT NULL,
	CONSTRAINT fk_tasks_phase_id FOREIGN KEY(phase_id) REFERENCES phases (id) ON DELETE CASCADE,
	CONSTRAINT fk_tasks_project_id FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
	CONSTRAINT pk_tasks PRIMARY KEY (id),
	CONSTRAINT uq_tasks_project_id_key UNIQUE (project_id, "key")
);
CREATE TABLE tombstones (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	project_id VARCHAR(64) NOT NULL,
	deleted_at VARCHAR(32) NOT NULL,
	deleted_by TEXT NOT NULL,
	event JSON NOT NULL,
	head VARCHAR(64) NOT NULL, proof JSON, seal JSON, labels JSON,
	CONSTRAINT uq_tombstones_project_id UNIQUE (project_id)
);
CREATE TABLE weekly_totals (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	week VARCHAR(10) NOT NULL,
	template TEXT,
	labels TEXT NOT NULL,
	completed INTEGER NOT NULL,
	failed INTEGER NOT NULL,
	cancelled INTEGER NOT NULL,
	completed_ms BIGINT NOT NULL,
	calls INTEGER NOT NULL,
	unpriced INTEGER NOT NULL,
	tokens BIGINT NOT NULL,
	cost_usd FLOAT NOT NULL,
	merged BOOLEAN NOT NULL
);
CREATE INDEX ix_attempts_project ON attempts (project_id);
CREATE INDEX ix_credentials_prefix ON credentials (prefix);
CREATE INDEX ix_gates_expiry ON gates (status, expires_at);
CREATE INDEX ix_gates_project ON gates (project_id, status);
CREATE INDEX ix_gates_undo ON gates (status, undo_until);
CREATE INDEX ix_idempotency_created ON idempotency (created_at);
CREATE INDEX ix_model_steps_conversation ON model_steps (project_id, conversation, number);
CREATE INDEX ix_model_steps_task ON model_steps (task_id);
CREATE INDEX ix_notifications_batch ON notifications (batch_id) WHERE status = 'pending';
CREATE INDEX ix_notifications_pending ON notifications (handed_over_at, id) WHERE status = 'pending';
CREATE INDEX ix_notifications_project_id ON notifications (project_id);
CREATE INDEX ix_passkey_challenges_expires ON passkey_challenges (expires_at);
CREATE INDEX ix_passkeys_identity ON passkeys (identity_id);
CREATE INDEX ix_plans_ready ON plans (project_id, version) WHERE status = 'ready';
CREATE INDEX ix_projects_created ON projects (created_at, id, archived_at) WHERE archived_at IS NULL;
CREATE INDEX ix_projects_created_archived ON projects (created_at, id, archived_at) WHERE archived_at IS NOT NULL;
CREATE INDEX ix_projects_gate ON projects (id) WHERE gate IS NOT NULL;
CREATE INDEX ix_projects_live ON projects (id) WHERE (status = 'running' OR stage = 'planning' OR engaged);
CREATE INDEX ix_projects_name ON projects (name_key, id, archived_at) WHERE archived_at IS NULL;
CREATE INDEX ix_projects_name_archived ON projects (name_key, id, archived_at) WHERE archived_at IS NOT NULL;
CREATE INDEX ix_projects_status ON projects (status, created_at DESC, id DESC);
CREATE INDEX ix_projects_status_created ON projects (status, created_at DESC, id DESC, archived_at) WHERE archived_at IS NULL;
CREATE INDEX ix_projects_status_created_archived ON projects (status, created_at DESC, id DESC, archived_at) WHERE archived_at IS NOT NULL;
CREATE INDEX ix_projects_status_name ON projects (status, name_key, id, archived_at) WHERE archived_at IS NULL;
CREATE INDEX ix_projects_status_name_archived ON projects (status, name_key, id, archived_at) WHERE archived_at IS NOT NULL;
CREATE INDEX ix_projects_status_updated ON projects (status, updated_at, id, archived_at) WHERE archived_at IS NULL;
CREATE INDEX ix_projects_status_updated_archived ON projects (status, updated_at, id, archived_at) WHERE archived_at IS NOT NULL;
CREATE INDEX ix_projects_text ON projects (text_position, status, archived_at);
CREATE INDEX ix_projects_updated ON projects (updated_at, id, archived_at) WHERE archived_at IS NULL;
CREATE INDEX ix_projects_updated_archived ON projects (updated_at, id, archived_at) WHERE archived_at IS NOT NULL;
CREATE INDEX ix_questions_open ON questions (project_id, status) WHERE status = 'open';
CREATE INDEX ix_questions_project ON questions (project_id, status);
CREATE INDEX ix_questions_task ON questions (task_id, status);
CREATE INDEX ix_seals_project_seq ON seals (project_id, seq);
CREATE INDEX ix_signing_links_project ON signing_links (project_id);
CREATE INDEX ix_slow_steps_project ON slow_steps (project_id);
CREATE INDEX ix_slow_steps_week ON slow_steps (week, labels, duration_ms);
CREATE INDEX ix_tasks_manual ON tasks (project_id, status, reason) WHERE status = 'waiting' AND reason IN ('manual', 'release');
CREATE INDEX ix_tasks_phase ON tasks (phase_id);
CREATE INDEX ix_tasks_project_position ON tasks (project_id, position);
CREATE INDEX ix_tasks_quarantine ON tasks (project_id) WHERE quarantine IS NOT NULL;
CREATE INDEX ix_tombstones_unsealed ON tombstones (position) WHERE seal IS NULL;
CREATE INDEX ix_weekly_totals_loose ON weekly_totals (position) WHERE NOT merged;
CREATE INDEX ix_weekly_totals_week ON weekly_totals (week, template);
CREATE TRIGGER count_gone_project AFTER DELETE ON projects FOR EACH ROW  BEGIN INSERT INTO project_counts (status, archived, number) VALUES (OLD.status, OLD.archived_at IS NOT NULL, -1); END;
CREATE TRIGGER count_moved_project AFTER UPDATE OF status, archived_at ON projects FOR EACH ROW WHEN (OLD.status <> NEW.status OR (OLD.archived_at IS NULL) <> (NEW.archived_at IS NULL)) BEGIN INSERT INTO project_counts (status, archived, number) VALUES (OLD.status, OLD.archived_at IS NOT NULL, -1), (NEW.status, NEW.archived_at IS NOT NULL, 1); END;
CREATE TRIGGER count_new_project AFTER INSERT ON projects FOR EACH ROW  BEGIN INSERT INTO project_counts (status, archived, number) VALUES (NEW.status, NEW.archived_at IS NOT NULL, 1); END;
CREATE TRIGGER total_ended_run AFTER UPDATE OF status ON runs FOR EACH ROW WHEN (OLD.status = 'running' AND NEW.status <> 'running') BEGIN INSERT INTO weekly_totals (week, template, labels, completed, failed, cancelled, completed_ms, calls, unpriced, tokens, cost_usd, merged) SELECT date(substr(runs.completed_at, 1, 10), '-6 days', 'weekday 1'), projects.template, projects.labels, count(CASE WHEN runs.status = 'completed' THEN 1 END), count(CASE WHEN runs.status = 'failed' THEN 1 END), count(CASE WHEN runs.status = 'cancelled' THEN 1 END), coalesce(sum(CASE WHEN runs.status = 'completed' THEN CAST(round((julianday(runs.completed_at) - julianday(runs.started_at)) * 86400000) AS INTEGER) END), 0), 0, 0, 0, 0.0, false FROM runs JOIN projects ON projects.id = runs.project_id WHERE runs.id = NEW.id GROUP BY 1, projects.template, projects.labels; END;
CREATE TRIGGER total_model_call AFTER UPDATE OF status ON model_steps FOR EACH ROW WHEN (OLD.status = 'open' AND NEW.status <> 'open') BEGIN INSERT INTO weekly_totals (week, template, labels, completed, failed, cancelled, completed_ms, calls, unpriced, tokens, cost_usd, merged) SELECT date(substr(model_steps.ended_at, 1, 10), '-6 days', 'weekday 1'), projects.template, projects.labels, 0, 0, 0, 0, count(CASE WHEN model_steps.status IN ('done', 'lost') THEN 1 END), count(CASE WHEN model_steps.status IN ('done', 'lost') AND (CASE WHEN model_steps.status = 'lost' THEN model_steps.reserved_cost ELSE model_steps.cost_usd END) IS NULL THEN 1 END), coalesce(sum(CASE WHEN model_steps.status = 'lost' THEN model_steps.reserved_tokens ELSE model_steps.input_tokens + model_steps.output_tokens END), 0), coalesce(sum(CASE WHEN model_steps.status = 'lost' THEN model_steps.reserved_cost ELSE model_steps.cost_usd END), 0.0), false FROM model_steps JOIN projects ON projects.id = model_steps.project_id WHERE model_steps.position = NEW.position AND model_steps.tool IS NULL AND model_steps.status IN ('done', 'lost', 'void') AND model_steps.ended_at > '' GROUP BY 1, projects.template, projects.labels; END;
CREATE TRIGGER total_moved_totals AFTER UPDATE OF labels, template ON projects FOR EACH ROW WHEN (OLD.labels IS NOT NEW.labels OR OLD.template IS NOT NEW.template) BEGIN INSERT INTO weekly_totals (week, template, labels, completed, failed, cancelled, completed_ms, calls, unpriced, tokens, cost_usd, merged) SELECT date(substr(runs.completed_at, 1, 10), '-6 days', 'weekday 1'), OLD.template, OLD.labels, -count(CASE WHEN runs.status = 'completed' THEN 1 END), -count(CASE WHEN runs.status = 'failed' THEN 1 END), -count(CASE WHEN runs.status = 'cancelled' THEN 1 END), -coalesce(sum(CASE WHEN runs.status = 'completed' THEN CAST(round((julianday(runs.completed_at) - julianday(runs.started_at)) * 86400000) AS INTEGER) END), 0), 0, 0, 0, 0.0, false FROM runs WHERE runs.project_id = NEW.id AND runs.status IN ('completed', 'failed', 'cancelled') AND runs.completed_at > '' GROUP BY 1; INSERT INTO weekly_totals (week, template, labels, completed, failed, cancelled, completed_ms, calls, unpriced, tokens, cost_usd, merged) SELECT date(substr(model_steps.ended_at, 1, 10), '-6 days', 'weekday 1'), OLD.template, OLD.labels, 0, 0, 0, 0, -count(CASE WHEN model_steps.status IN ('done', 'lost') THEN 1 END), -count(CASE WHEN model_steps.status IN ('done', 'lost') AND (CASE WHEN model_steps.status = 'lost' THEN model_steps.reserved_cost ELSE model_steps.cost_usd END) IS NULL THEN 1 END), -coalesce(sum(CASE WHEN model_steps.status = 'lost' THEN model_steps.reserved_tokens ELSE model_steps.input_tokens + model_steps.output_tokens END), 0), -coalesce(sum(CASE WHEN model_steps.status = 'lost' THEN model_steps.reserved_cost ELSE model_steps.cost_usd END), 0.0), false FROM model_steps WHERE model_steps.project_id = NEW.id AND model_steps.tool IS NULL AND model_steps.status IN ('done', 'lost', 'void') AND model_steps.ended_at > '' GROUP BY 1; INSERT INTO weekly_totals (week, template, labels, completed, failed, cancelled, completed_ms, calls, unpriced, tokens, cost_usd, merged) SELECT date(substr(runs.completed_at, 1, 10), '-6 days', 'weekday 1'), NEW.template, NEW.labels, count(CASE WHEN runs.status = 'completed' THEN 1 END), count(CASE WHEN runs.status = 'failed' THEN 1 END), count(CASE WHEN runs.status = 'cancelled' THEN 1 END), coalesce(sum(CASE WHEN runs.status = 'completed' THEN CAST(round((julianday(runs.completed_at) - julianday(runs.started_at)) * 86400000) AS INTEGER) END), 0), 0, 0, 0, 0.0, false FROM runs WHERE runs.project_id = NEW.id AND runs.status IN ('completed', 'failed', 'cancelled') AND runs.completed_at > '' GROUP BY 1; INSERT INTO weekly_totals (week, template, labels, completed, failed, cancelled, completed_ms, calls, unpriced, tokens, cost_usd, merged) SELECT date(substr(model_steps.ended_at, 1, 10), '-6 days', 'weekday 1'), NEW.template, NEW.labels, 0, 0, 0, 0, count(CASE WHEN model_steps.status IN ('done', 'lost') THEN 1 END), count(CASE WHEN model_steps.status IN ('done', 'lost') AND (CASE WHEN model_steps.status = 'lost' THEN model_steps.reserved_cost ELSE model_steps.cost_usd END) IS NULL THEN 1 END), coalesce(sum(CASE WHEN model_steps.status = 'lost' THEN model_steps.reserved_tokens ELSE model_steps.input_tokens + model_steps.output_tokens END), 0), coalesce(sum(CASE WHEN model_steps.status = 'lost' THEN model_steps.reserved_cost ELSE model_steps.cost_usd END), 0.0), false FROM model_steps WHERE model_steps.project_id = NEW.id AND model_steps.tool IS NULL AND model_steps.status IN ('done', 'lost', 'void') AND model_steps.ended_at > '' GROUP BY 1; UPDATE slow_steps SET labels = NEW.labels WHERE project_id = NEW.id; END;
INSERT INTO alembic_version (version_num) VALUES ('0032');
INSERT INTO policies_in_force (id, digest, set_at) VALUES (1, '', '');
