/** One line of the table of figures. */
export interface Row {
  readonly measure: string;
  /** Median and range of several rounds. */
  readonly measured: string;
  /** What it is held against, measured in the same rounds; `''` for none. */
  readonly counterpart: string;
  readonly goal: string;
  readonly isReached: boolean;
}

/** Adds a line to the table of `npm run bench`; a bench that was started by itself prints it. */
export function report(row: Row): void {
  if (process.send) process.send(row);
  else console.log(line(row));
}

export function tableOf(rows: readonly Row[]): string {
  return ['| measure | measured | beside it | goal | |', '|---|---|---|---|---|', ...rows.map(line)].join(
    '\n',
  );
}

function line({ measure, measured, counterpart, goal, isReached }: Row): string {
  return `| ${measure} | ${measured} | ${counterpart} | ${goal} | ${isReached ? 'reached' : 'not reached'} |`;
}
