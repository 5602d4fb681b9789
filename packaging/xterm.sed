# SPDX-License-Identifier: Apache-2.0
# xterm.sed - what is changed in xterm.js and xterm.css as they are published; docs/DEPENDENCIES.md says from which package
# sed -f packaging/xterm.sed package/lib/xterm.mjs >web/vendor/xterm.js; the same with package/css/xterm.css

# The pages' policy allows no inline style: such elements are web/js/terminal.js's, and attributes are set by script.
s/createElement("style")/createElement("sheet-by-script")/g
s/t\.setAttribute("style",`${t\.getAttribute("style")||""}${e};`)/t.style.cssText+=`${e};`/
# The view of joined cells, which nobody writes to: its method that only throws is not kept.
s/setFromCharData(e){throw new Error("[a-z ]*")}//
# A remark of theirs that is about the next version.
/Composition position got messed up/d
