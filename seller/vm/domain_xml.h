/* SPDX-License-Identifier: Apache-2.0
 * domain_xml.h - libvirt's description of the machine, out of the typed one
 */
#ifndef VM_DOMAIN_XML_H
#define VM_DOMAIN_XML_H

#include <stdbool.h>
#include "buf.h"
#include "spec.h"

/* cidata: there is a second disc. Paths are the jail's (jail.h). out->error tells of a failure. */
void domain_xml(const struct vm_spec *spec, bool cidata, struct buf *out);

#endif
