import { SharedWorkspace, type ThreadTeam } from './workspace';

/** Gives convolutions a team of threads, or takes it away. */
export function setThreadTeam(team: ThreadTeam | undefined): void {
  shared = team && new SharedWorkspace(team);
}

/** Where the team computes, if there is one. */
export function sharedWorkspace(): SharedWorkspace | undefined {
  return shared;
}

let shared: SharedWorkspace | undefined;
