/** Words by which an English question asks for what is not so. */
export const NEGATION =
  /n't\b|n’t\b|\b(not|no|never|without|except|other than|none|neither|nor|exclud\w*|unless|but|lack\w*|cannot|nothing|less|fewer|below|under|at most|different|differ\w*|outside|zero|besides|rather than|free of|un\w+|non\w*|missing|only|solely|exclusively|doesnt|didnt|dont|havent|hasnt|isnt|arent)\b/i;

/** The question wants a figure beside what it asks for. */
export const ASKS_FIGURE =
  /how (many|much)|\b(and|with|along|also|as well as|including|together)\b[^.?]*\b(number|count|times|total|amount|size|frequency|average|maximum|minimum|sum|how)\b|,\s*(and )?(the )?(total |average )?(number|count|amount|how)\b|\btop (3|4|5|8|10|three|four|five|eight|ten)\b|what (are|is) (the|those|that) (sale|size|number|count|total|average)|(show|list|give|return|find|tell)( me)? the (number|count|total)|what (is|are) the (number|count|total)|what('s| is| are| was| were)? the (smallest|largest|biggest|greatest|highest|lowest|longest|shortest|maximum|minimum|average|total) [^.?,]*\b(and|,) *(what|which|who|its|their|the|in which|for which)\b/i;

/** A figure for each group is wanted. */
export const EACH = /\b(each|every|per)\b/i;

export const SUPERLATIVE =
  /\b(most|least|fewest|largest|greatest|highest|lowest|smallest|biggest|maximum|minimum|common|best|max|min|longest|shortest|oldest|youngest|popular|frequent\w*|top|more|rarest|heaviest|many)\b/i;

export const DESCENDING =
  /\b(descending|decreasing|from (the )?(oldest|old|highest|high|largest|most|biggest|latest|greatest|top)\b[^.?]* to |reverse)/i;
export const ASCENDING =
  /\b(ascending|increasing|from (the )?(youngest|young|lowest|low|smallest|least|fewest|earliest|shortest)\b[^.?]* to )/i;

/** "in order of x", "ordered by x", "sorted by x": x is in the first group. */
export const SORTED_BY =
  /\b(?:in(?: the)?(?: \w+)?(?: \w+)? order of|order(?:ed)? (?:them )?by|sort(?:ed)? (?:them )?by|sort by)(?: the| their| its| his| her)? ([\w ]+)/i;

const NUMBERS: Readonly<Record<string, number>> = { one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, ten: 10, once: 1, twice: 2 };
const BOUND =
  /\b(?:(at least|no less than|minimum of)|(more than|over)|(fewer than|less than)|(at most|no more than)|(exactly|only))(?: a single| a)? ?(\d+|one|two|three|four|five|six|ten|once|twice)?\b|\b(\d+|one|two|three|four|five) or (more|fewer|less)\b/gi;

export interface Bound {
  readonly operator: '>=' | '>' | '<' | '<=' | '=';
  readonly count: number;
  readonly words: string;
}

/** The one bound on a number that the question sets ("at least two"); null where there is none, or more than one. */
export function boundIn(text: string): Bound | null {
  const matches = [...text.matchAll(BOUND)];
  const match = matches[0];
  if (match === undefined || matches.length !== 1) return null;
  const trailing = match[7];
  if (trailing !== undefined)
    return { operator: match[8]?.toLowerCase() === 'more' ? '>=' : '<=', count: toNumber(trailing), words: match[0] };
  const operators = ['>=', '>', '<', '<=', '='] as const;
  const operator = operators[[1, 2, 3, 4, 5].findIndex((group) => match[group] !== undefined)];
  const number = match[6] ?? (/single/i.test(match[0]) ? '1' : undefined);
  return operator === undefined || number === undefined ? null : { operator, count: toNumber(number), words: match[0] };
}

function toNumber(word: string): number {
  return NUMBERS[word.toLowerCase()] ?? Number(word);
}
