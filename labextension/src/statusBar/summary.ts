/** The status bar's words, from what the server said. No DOM in here. */

import type { Problem, Status } from '../protocol';

export interface Summary {
  text: string;
  /** The tooltip, and what a screen reader says. */
  title: string;
}

/** What the status bar says; `problem` is why the server could not be asked. */
export function summarize(status: Status | null, problem: Problem | null): Summary {
  if (status === null) {
    const why = problem === null ? 'not asked yet' : problem.message;
    return { text: 'ACA: –', title: `ACA notebook: ${why}` };
  }
  const { target } = status;
  if (target.connection !== 'on') {
    return {
      text: `ACA: ${target.name} · ${target.connection === 'connecting' ? 'connecting' : 'off'}`,
      title: `Target ${target.name}: nothing is asked before somebody connects, in the panel or by %aca target.`
    };
  }
  const failed = status.problem ?? problem;
  if (failed !== null) {
    return { text: `ACA: ${target.name} · !`, title: `Target ${target.name}: ${failed.message}` };
  }
  const words = [
    target.name,
    counted(status.gpus, 'GPU'),
    status.hourlyUsd === null ? '' : `${dollars(status.hourlyUsd)}/h`,
    status.todayUsd === null ? '' : `${dollars(status.todayUsd)} today`
  ];
  const billed = target.charges ? 'list prices' : 'list prices; nobody is billed there';
  const sentences = [
    `${counted(status.apps, 'app')}, ${counted(status.replicas, 'replica')} running`,
    status.gpuNote,
    status.hourlyUsd === null ? '' : `${dollars(status.hourlyUsd)} an hour now (${billed})`,
    status.todayUsd === null ? '' : `${dollars(status.todayUsd)} since midnight UTC`
  ];
  return {
    text: `ACA: ${words.filter(word => word !== '').join(' · ')}`,
    title: `Target ${target.name}: ${sentences.filter(sentence => sentence !== '').join('; ')}.`
  };
}

/** Dollars with two digits that say something: `$1.25`, `$0.034`, `$0`. */
export function dollars(amount: number): string {
  if (amount === 0) {
    return '$0';
  }
  if (Math.abs(amount) >= 0.1) {
    return `$${amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  }
  const digits = Math.min(12, Math.ceil(-Math.log10(Math.abs(amount))));
  return `$${amount.toFixed(digits + 1)}`;
}

/** `1 GPU`, `2 GPUs`, `no GPU`. */
export function counted(count: number, noun: string): string {
  return count === 0 ? `no ${noun}` : `${count} ${noun}${count === 1 ? '' : 's'}`;
}
