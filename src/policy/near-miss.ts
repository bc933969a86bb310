/** Longer keys are nobody's misspelling of ours. */
const MAX_LENGTH = 20;

/** The known key that `key` was probably meant to be: another case, or one slip of the finger away. */
export function nearMissOf(key: string, known: readonly string[]): string | undefined {
  if (key.length > MAX_LENGTH || known.includes(key)) return undefined;
  const lower = key.toLowerCase();
  return known.find((candidate) => candidate === lower || isOneSlipAway(lower, candidate));
}

/** One letter more, less, or other; two neighbours swapped. Short words have too many neighbours that are words. */
function isOneSlipAway(word: string, candidate: string): boolean {
  if (candidate.length < 5 || Math.abs(word.length - candidate.length) > 1) return word === `${candidate}s`;
  let start = 0;
  while (start < word.length && word[start] === candidate[start]) start++;
  const restOfWord = word.slice(start);
  const restOfCandidate = candidate.slice(start);
  return (
    restOfWord.slice(1) === restOfCandidate ||
    restOfWord === restOfCandidate.slice(1) ||
    restOfWord.slice(1) === restOfCandidate.slice(1) ||
    (restOfWord[0] === restOfCandidate[1] &&
      restOfWord[1] === restOfCandidate[0] &&
      restOfWord.slice(2) === restOfCandidate.slice(2))
  );
}
