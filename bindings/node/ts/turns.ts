// Whose turn it is on a connection: while a decision on it is made elsewhere nothing else may be asked of it.
import { AsyncResource } from 'node:async_hooks';

/** What waits for its turn goes on in the order in which it came, and in the asynchronous context in which it came. */
export class Turns {
  readonly #jobs: (() => void)[] = [];
  readonly #failed: (error: unknown) => void;
  #isTaken = false;

  /** @param failed hears of a job that waited and then failed */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Does `job` now or in its turn. */
  do(job: () => void): void {
    if (this.#isTaken) this.#jobs.push(AsyncResource.bind(job));
    else job();
  }

  /** What `job` returns, now or in its turn. */
  ask<T>(job: () => T): T | Promise<T> {
    if (!this.#isTaken) return job();
    return new Promise((resolve) => this.do(() => resolve(new Promise((done) => done(job())))));
  }

  /** Does `jobs` before everything that waits. */
  doFirst(jobs: readonly (() => void)[]): void {
    this.#jobs.unshift(...jobs);
    this.#goOn();
  }

  /** Lets everything wait until `work`, which does not fail, has ended. */
  during(work: Promise<unknown>): void {
    this.#isTaken = true;
    void work.then(() => {
      this.#isTaken = false;
      this.#goOn();
    });
  }

  #goOn(): void {
    while (!this.#isTaken) {
      const job = this.#jobs.shift();
      if (!job) return;
      try {
        job();
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
