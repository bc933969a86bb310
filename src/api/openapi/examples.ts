const id = '7f7c2b4e-0d5c-4f6e-9a53-3b1d7c9f1a10';

const backend = {
  package: 'host',
  version: '0.1.0',
  name: 'host',
  app_name: 'orb-worker-host',
  app_version: '0.1.0',
};

/** A run that went well. */
export const run = {
  id,
  policy: 'edge',
  status: 'completed',
  reason: '',
  trigger: 'cron',
  retry_of: null,
  retry_at: null,
  entity_count: 12,
  batches: 1,
  bytes: 2048,
  progress: { done: 12, total: 12 },
  process: { cpu_ms: 310, peak_memory_bytes: 81_264_640, shared: false },
  due_at: '2026-01-02T03:00:00.000Z',
  created_at: '2026-01-02T03:00:00.001Z',
  started_at: '2026-01-02T03:00:00.004Z',
  finished_at: '2026-01-02T03:00:01.254Z',
  duration_ms: 1250,
  backend,
};

const line = { time: '2026-01-02T03:00:01.102Z', level: 'info', message: 'yielded 12 entities' };

/** What a backend wrote. */
export const runLog = { lines: [line], dropped: 0 };

/** A run alone. */
export const fullRun = { ...run, log: runLog };

/** A run that somebody has just asked for. */
export const submittedRun = {
  ...fullRun,
  log: { lines: [], dropped: 0 },
  status: 'pending',
  trigger: 'submit',
  entity_count: 0,
  batches: 0,
  bytes: 0,
  progress: null,
  process: null,
  started_at: null,
  finished_at: null,
  duration_ms: null,
};

/** A run that was cancelled while it waited. */
export const cancelledRun = {
  ...submittedRun,
  status: 'cancelled',
  reason: 'cancelled on request',
  finished_at: '2026-01-02T03:00:01.254Z',
};

/** Why a policy is not run now. */
export const overlap = "policy 'edge' cannot be run now: maximum number of running instances reached (1)";

/** A policy in the list of all. */
export const policySummary = {
  name: 'edge',
  status: 'completed',
  next_run_at: '2026-01-03T03:00:00.000Z',
  backend: { package: 'host', version: '0.1.0' },
  crash_wait: null,
  failure: null,
  setup_fault: null,
  last_run: run,
};

/** A policy alone. */
export const policy = {
  ...policySummary,
  config: { package: 'host', schedule: '0 3 * * *', token: '${TOKEN}' },
  scope: { site: 'lab', country: false },
  run: { overlap: 'skip' },
  timezone: 'Europe/Vienna',
  warnings: [
    {
      field: 'policies.edge.scope.country',
      line: 8,
      column: 16,
      message: "NO was read as false; write 'NO' for the text",
    },
  ],
};

/** Upstream's view; times are bare integers of nanoseconds. */
export const status = {
  version: '0.1.0',
  start_time: '2026-01-01T00:00:00.000Z',
  up_time_seconds: 97261,
  policies: [
    {
      name: 'edge',
      status: 'completed',
      backend: { package: 'host', version: '0.1.0' },
      runs: [
        {
          id,
          status: 'completed',
          reason: '',
          entity_count: 12,
          created_at: 1767322800001000000,
          updated_at: 1767322801254000000,
          metadata: { name: 'host', app_name: 'orb-worker-host', app_version: '0.1.0', policy_name: 'edge' },
        },
      ],
    },
  ],
};

/** A policy document. */
export const document = `policies:
  edge:
    config:
      package: host
      schedule: "0 3 * * *"
    scope:
      site: lab
`;

/** One policy, as PUT takes it. */
export const onePolicy = `config:
  package: host
  schedule: "0 3 * * *"
scope:
  site: lab
`;

/** What a document without faults gets that is only looked at. */
export const validation = {
  policies: [
    {
      name: 'edge',
      backend: policy.backend,
      next_run_at: policy.next_run_at,
      warnings: policy.warnings,
    },
  ],
};

/** What a document with faults gets, all of them at once. */
export const validationErrors = {
  detail: [{ field: 'policies.edge.config.package', type: 'missing', error: 'Field required' }],
};

/** The same, with places. */
export const locatedErrors = {
  detail: [
    { field: 'policies.edge.config.package', type: 'missing', error: 'Field required', line: 3, column: 5 },
  ],
};
