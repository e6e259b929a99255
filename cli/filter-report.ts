import { agreement, type Chosen, type JudgedSample } from './choose-sample.ts';
import { JUDGEMENTS, type Judgement } from './judge-samples.ts';
import type { Sample } from './samples-file.ts';

type Counts = Record<Judgement, number>;

/** What a filter kept, and why the rest failed. Shares are of 1, null where there is nothing to share. */
export class FilterReport {
  readonly #byMode = new Map<string, { questions: number; kept: number; samples: Counts }>();
  readonly #questions = { asked: 0, kept: 0, noneRight: 0, couldNotScore: 0, goldAdded: 0, keptOnEmptyGold: 0 };
  /** Of questions with several samples. */
  readonly #agreement = { questions: 0, allAgree: 0, allAgreeAndRight: 0, largestShare: 0 };
  readonly #tokens = { prompt: 0, completion: 0, cost: 0 };
  readonly #gold: { id: string; error: string }[] = [];
  /** Ids of traces whose query cannot be written on one line without changing its rows. */
  readonly notWritten: string[] = [];

  couldNotScore(id: string, samples: readonly Sample[], error: string): void {
    this.#questions.asked++;
    this.#questions.couldNotScore++;
    this.#gold.push({ id, error });
    for (const sample of samples) this.#count(sample, 'could-not-score');
  }

  question(
    samples: readonly JudgedSample[],
    chosen: Chosen | undefined,
    gold: { readonly goldAdded: boolean; readonly goldEmpty: boolean },
  ): void {
    this.#questions.asked++;
    if (chosen === undefined) this.#questions.noneRight++;
    else this.#questions.kept++;
    if (gold.goldAdded) this.#questions.goldAdded++;
    if (chosen !== undefined && gold.goldEmpty) this.#questions.keptOnEmptyGold++;
    for (const sample of samples) this.#count(sample, sample.judgement);
    // A question is of the modes that it was asked in; only those get it.
    for (const mode of new Set(samples.map((sample) => sample.mode))) {
      const own = this.#mode(mode);
      own.questions++;
      if (samples.some((sample) => sample.mode === mode && sample.judgement === 'right')) own.kept++;
    }
    if (samples.length < 2) return;
    const share = agreement(samples);
    this.#agreement.questions++;
    this.#agreement.largestShare += share;
    if (share === 1) {
      this.#agreement.allAgree++;
      if (chosen !== undefined) this.#agreement.allAgreeAndRight++;
    }
  }

  summary() {
    const { asked, kept, noneRight, couldNotScore, goldAdded, keptOnEmptyGold } = this.#questions;
    const samples = this.#sum();
    const scored = Object.values(samples).reduce((sum, count) => sum + count, 0) - samples['could-not-score'];
    const { questions, allAgree, allAgreeAndRight, largestShare } = this.#agreement;
    return {
      questions: {
        asked,
        kept,
        none_right: noneRight,
        could_not_score: couldNotScore,
        gold_added: goldAdded,
        kept_on_empty_gold: keptOnEmptyGold,
      },
      kept_share: ratio(kept, asked - couldNotScore),
      samples,
      right_share: ratio(samples.right, scored),
      by_mode: Object.fromEntries([...this.#byMode].sort(([a], [b]) => a.localeCompare(b, 'en'))),
      agreement: {
        questions,
        all_agree: ratio(allAgree, questions),
        right_where_all_agree: ratio(allAgreeAndRight, allAgree),
        mean_largest_share: ratio(largestShare, questions),
      },
      prompt_tokens: this.#tokens.prompt,
      completion_tokens: this.#tokens.completion,
      cost: this.#tokens.cost,
      gold_could_not_be_scored: this.#gold,
      traces_not_written_as_examples: this.notWritten,
    };
  }

  #mode(mode: string): { questions: number; kept: number; samples: Counts } {
    const known = this.#byMode.get(mode) ?? { questions: 0, kept: 0, samples: noCounts() };
    this.#byMode.set(mode, known);
    return known;
  }

  #count(sample: Sample, judgement: Judgement): void {
    this.#mode(sample.mode).samples[judgement]++;
    this.#tokens.prompt += sample.usage.prompt_tokens;
    this.#tokens.completion += sample.usage.completion_tokens;
    this.#tokens.cost += sample.cost;
  }

  #sum(): Counts {
    const sum = noCounts();
    for (const { samples } of this.#byMode.values()) for (const judgement of JUDGEMENTS) sum[judgement] += samples[judgement];
    return sum;
  }
}

function noCounts(): Counts {
  return { right: 0, 'other-column-order': 0, 'wrong-rows': 0, 'does-not-run': 0, timeout: 0, 'no-sql': 0, 'could-not-score': 0 };
}

function ratio(count: number, total: number): number | null {
  return total === 0 ? null : Math.round((count / total) * 10_000) / 10_000;
}
