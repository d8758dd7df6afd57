/** One field that is wrong. */
export class FieldErrorView {
  /**
   * Dotted path of the field
   * @example "args.0"
   */
  path: string;
  message: string;
}

/** An error as RFC 9457 (application/problem+json) describes it. */
export class ProblemView {
  /** @example "about:blank" */
  type: string;
  /** @example "Conflict" */
  title: string;
  /** @example 409 */
  status: number;
  /** What went wrong and what to do about it */
  detail: string;
  /** Path of the request */
  instance: string;
  /**
   * Stable machine-readable word
   * @example "tool_name_taken"
   */
  code: string;
  /** Also in the header X-Request-Id and in the logs */
  requestId: string;
  /** The fields that are wrong, where the request was not valid */
  errors?: FieldErrorView[];
}
