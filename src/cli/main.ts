#!/usr/bin/env node
import { runCommand } from './run_command';

void runCommand(process.argv.slice(2));
