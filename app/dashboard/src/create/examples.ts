/** Short example plans to start from; they run without changes. */
export interface Example {
  id: string;
  name: string;
  about: string;
  description: string;
}

export const examples: Example[] = [
  {
    id: "report",
    name: "Machine report",
    about: "Takes three measurements at once, writes a report, and asks a person to read it.",
    description: `# Machine report

A readable report on the resources of this machine.

## Measure (parallel)

- Disks: \`df -h > disks.txt\` {#disks timeout=1m files=disks.txt}
- Memory and load: \`uptime > load.txt\` {#load timeout=1m files=load.txt}
- Largest files here: \`du -ah . | sort -rh | head -n 10 > largest.txt\` {#largest timeout=5m files=largest.txt}

## Report (sequential)

- Write the report {#write timeout=1m files=report.md}

  \`\`\`sh
  {
    echo "# Machine report"
    for name in disks load largest; do
      printf '\\n## %s\\n\\n' "$name"
      sed 's/^/    /' "$name.txt"
    done
  } > report.md
  \`\`\`
- [ ] Read the report {#read}

  The report is in \`report.md\`. Is anything running out of space?
- The report is ready {#ready milestone}
`,
  },
  {
    id: "release",
    name: "Release checklist",
    about: "Checks by the machine and by people, a phase that needs its own approval, and time to object.",
    description: `# Release checklist

From "we could release" to "it is out". Replace the commands with those of your project.

## Check (parallel)

- The tests pass: \`make test\` {#tests timeout=1h}
- Nothing is left uncommitted: \`test -z "$(git status --porcelain)"\` {#clean timeout=1m}

## Review (parallel)

- [ ] Read the release notes as a user would {#notes}
- [ ] Try it on a machine that has never seen it {#try}
- Is the risk worth it today? {#risk decision=yes,no}

## Release (sequential) {#release approval=yes}

This phase needs its own approval to start.

- Allow time to object {#objections wait=10m}
- Set the tag: \`git tag v1.0.0\` {#tag timeout=1m on_crash=ask}
- [ ] Push branch and tag, and wait until the build is green {#push}
- Released {#released milestone}
`,
  },
  {
    id: "data",
    name: "Data job",
    about: "Checks a file, adds it up, and passes a number from one task to the next.",
    description: `# Orders by region

Creates a small file of orders, checks it and adds it up. To use your own \`orders.csv\`, remove the first task.

## Check (sequential)

- Create an example {#make timeout=1m files=orders.csv}

  \`\`\`sh
  printf 'region,amount\\nnorth,120\\nsouth,80\\nnorth,45\\n' > orders.csv
  \`\`\`
- Every line has two fields {#check timeout=1m}

  \`\`\`sh
  awk -F, 'NF != 2 { print "line " NR ": " $0; bad = 1 } END { exit bad }' orders.csv
  echo "orders=$(($(wc -l < orders.csv) - 1))" >> "$SIGNOFF_OUTPUT"
  \`\`\`

## Add up

- Add up by region {#sum timeout=1m files=by_region.csv}

  \`\`\`inputs
  ORDERS: \${{ tasks.check.outputs.orders }}
  \`\`\`

  \`\`\`sh
  echo "Adding up $INPUT_ORDERS orders"
  awk -F, 'NR > 1 { sum[$1] += $2 } END { for (r in sum) print r "," sum[r] }' orders.csv | sort > by_region.csv
  cat by_region.csv
  \`\`\`
- [ ] Compare the sums with what you expect {#compare after=sum}
`,
  },
];
