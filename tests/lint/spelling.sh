#!/bin/sh
# SPDX-License-Identifier: MIT
# Words in documents, man pages, comments and messages are spelled right.
. "$(dirname "$0")/functions.sh"
need codespell

# Words of ours that codespell takes for mistakes.
words='ba,te,nd,ans,fo,crate,ect,hist,inout,parms,sie,uptodate,wont,mis,ot,nam,unx,fo'

misspelled() {
	sources | grep -vE '/(corpus|kat)/|\.(json|rsp)$' |
		xargs -r codespell -L "$words" 2>&1
}

lint 'codespell finds nothing' misspelled
echo 'We re''cieve it.' | planted 'a wrong word' misspelled x.md
lint_done
