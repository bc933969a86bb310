/** The metrics of the sheet (sheet: Metrics), for whoever exports them. */
export const DESCRIPTIONS = {
  active_policies: 'Policies that are applied',
  policy_executions: 'Runs that were started',
  backend_execution_success: 'Runs that ended well',
  backend_execution_failure: 'Runs that ended badly',
  backend_execution_latency: 'Time from the start of a run to its end, sending included',
  api_requests: 'Requests that were answered',
  api_response_latency: 'Time from a request to its answer',
};

export type MetricName = keyof typeof DESCRIPTIONS;
